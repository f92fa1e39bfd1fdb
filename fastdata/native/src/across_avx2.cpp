#include "kernels.h"
#include "kernels_avx2.h"
#include "simd_avx2.h"

#if defined(__AVX2__)

namespace fastdata {

using std::int16_t;
using std::int32_t;
using std::size_t;
using std::uint8_t;

namespace {

/// 16 bytes of row a in the lower half, 16 of row b in the upper.
__m256i two_rows(const uint8_t* a, const uint8_t* b) {
    return _mm256_inserti128_si256(_mm256_castsi128_si256(load16(a)), load16(b), 1);
}

__m256i both_halves(__m128i value) { return _mm256_broadcastsi128_si256(value); }

/// Two neighbouring RGB pixels as (r, r'), (g, g'), (b, b'), nothing, in 16 bits each.
__m256i pairs_of_rgb(int from) {
    const char f = static_cast<char>(from);
    return both_halves(_mm_setr_epi8(f, -1, f + 3, -1, f + 1, -1, f + 4, -1, f + 2, -1, f + 5, -1,
                                     -1, -1, -1, -1));
}

__m256i weighted(__m256i rows, __m256i order, const int16_t* weights) {
    return _mm256_madd_epi16(_mm256_shuffle_epi8(rows, order), _mm256_set1_epi32(pair_of(weights)));
}

/// One RGB result of both rows, before rounding is cut off. `Pairs` of 0 takes any number.
template <int Pairs>
__m256i rgb_sum(const uint8_t* a, const uint8_t* b, const int16_t* weights, int any_pairs,
                __m256i sum) {
    const __m256i front = pairs_of_rgb(0), back = pairs_of_rgb(6);
    const int pairs = Pairs ? Pairs : any_pairs;
    int p = 0;
    for (; p + 2 <= pairs; p += 2) {
        const __m256i rows = two_rows(a + 6 * p, b + 6 * p);
        sum = _mm256_add_epi32(sum, weighted(rows, front, weights + 2 * p));
        sum = _mm256_add_epi32(sum, weighted(rows, back, weights + 2 * p + 2));
    }
    if (p < pairs) {
        const __m256i rows = two_rows(a + 6 * p, b + 6 * p);
        sum = _mm256_add_epi32(sum, weighted(rows, front, weights + 2 * p));
    }
    return sum;
}

template <int Pairs>
void across3_of(const uint8_t* a, const uint8_t* b, const RowWeights& w, uint8_t* out_a,
                uint8_t* out_b) {
    const __m256i half = _mm256_set1_epi32(1 << (w.shift - 1));
    const __m256i shift = _mm256_set1_epi32(w.shift);
    const __m256i without_fourth =
        both_halves(_mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1));
    // Copies, since the bytes that are written could be those of `w`, for all that is known.
    const int pairs = Pairs ? Pairs : w.pairs, count = w.count;
    const int32_t* first = w.first;
    const int16_t* all_weights = w.weights;
    for (int i = 0; i < count; i += 4) {
        __m256i sums[4];
        for (int j = 0; j < 4; ++j) {
            const std::ptrdiff_t from = std::ptrdiff_t{3} * first[i + j];
            const int16_t* weights = all_weights + (i + j) * pairs * 2;
            sums[j] = rgb_sum<Pairs>(a + from, b + from, weights, pairs, half);
        }
        const __m256i bytes = _mm256_shuffle_epi8(to_bytes(sums, shift), without_fourth);
        store16(out_a + 3 * i, _mm256_castsi256_si128(bytes));
        store16(out_b + 3 * i, _mm256_extracti128_si256(bytes, 1));
    }
}

}  // namespace

void avx2::across3(const uint8_t* a, const uint8_t* b, const RowWeights& w, uint8_t* out_a,
                   uint8_t* out_b) {
    switch (w.pairs) {
        case 1:
            return across3_of<1>(a, b, w, out_a, out_b);
        case 2:
            return across3_of<2>(a, b, w, out_a, out_b);
        case 3:
            return across3_of<3>(a, b, w, out_a, out_b);
        default:
            return across3_of<0>(a, b, w, out_a, out_b);
    }
}

void avx2::across1(const uint8_t* a, const uint8_t* b, const RowWeights& w, uint8_t* out_a,
                   uint8_t* out_b) {
    const __m256i half = _mm256_set1_epi32(1 << (w.shift - 1));
    const __m256i shift = _mm256_set1_epi32(w.shift);
    const __m256i next_pair = _mm256_set1_epi32(0x00020002);
    const int16_t* weights = w.weights;
    for (int i = 0; i < w.count; i += 4) {
        const int from = w.first[i] < w.first[i + 3] ? w.first[i] : w.first[i + 3];
        const __m256i rows = two_rows(a + from, b + from);
        // For each result its two pixels: byte d goes to byte 0, byte d + 1 to byte 2.
        const __m256i d =
            _mm256_sub_epi32(both_halves(load16(w.first + i)), _mm256_set1_epi32(from));
        __m256i order = _mm256_add_epi32(_mm256_or_si256(d, _mm256_slli_epi32(d, 16)),
                                         _mm256_set1_epi32(static_cast<int>(0x80018000u)));
        __m256i sum = half;
        for (int p = 0; p < w.pairs; ++p, weights += 8) {
            const __m256i pixels = _mm256_shuffle_epi8(rows, order);
            sum = _mm256_add_epi32(sum, _mm256_madd_epi16(pixels, both_halves(load16(weights))));
            order = _mm256_add_epi32(order, next_pair);
        }
        const __m256i words = _mm256_packs_epi32(_mm256_srav_epi32(sum, shift), sum);
        const __m256i bytes = _mm256_packus_epi16(words, words);
        const int32_t of_a = _mm256_extract_epi32(bytes, 0), of_b = _mm256_extract_epi32(bytes, 4);
        __builtin_memcpy(out_a + i, &of_a, 4);
        __builtin_memcpy(out_b + i, &of_b, 4);
    }
}

namespace {

int32_t sum_of(__m256i values) {
    __m128i sum =
        _mm_add_epi32(_mm256_castsi256_si128(values), _mm256_extracti128_si256(values, 1));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4E));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xB1));
    return _mm_cvtsi128_si32(sum);
}

void across1_wide_row(const uint8_t* row, const RowWeights& w, uint8_t* out) {
    const int16_t* weights = w.weights;
    for (int i = 0; i < w.count; ++i) {
        const uint8_t* from = row + w.first[i];
        __m256i sum = _mm256_setzero_si256();
        for (int p = 0; p < w.pairs; p += 8, from += 16, weights += 16) {
            const __m256i pixels = _mm256_cvtepu8_epi16(load16(from));
            sum = _mm256_add_epi32(sum, _mm256_madd_epi16(pixels, load32(weights)));
        }
        out[i] = static_cast<uint8_t>((sum_of(sum) + (1 << (w.shift - 1))) >> w.shift);
    }
}

}  // namespace

void avx2::across1_wide(const uint8_t* a, const uint8_t* b, const RowWeights& w, uint8_t* out_a,
                        uint8_t* out_b) {
    across1_wide_row(a, w, out_a);
    across1_wide_row(b, w, out_b);
}

}  // namespace fastdata

#endif
