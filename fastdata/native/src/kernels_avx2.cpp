#include "kernels.h"

#if defined(__AVX2__)

#include <immintrin.h>

namespace fastdata {

namespace {

using std::int16_t;
using std::int32_t;
using std::size_t;
using std::uint8_t;

__m128i load16(const void* from) { return _mm_loadu_si128(static_cast<const __m128i*>(from)); }
__m256i load32(const void* from) { return _mm256_loadu_si256(static_cast<const __m256i*>(from)); }
void store16(void* to, __m128i value) { _mm_storeu_si128(static_cast<__m128i*>(to), value); }
void store32(void* to, __m256i value) { _mm256_storeu_si256(static_cast<__m256i*>(to), value); }

/// 16 bytes of row a in the lower half, 16 of row b in the upper.
__m256i two_rows(const uint8_t* a, const uint8_t* b) {
    return _mm256_inserti128_si256(_mm256_castsi128_si256(load16(a)), load16(b), 1);
}

__m256i both_halves(__m128i value) { return _mm256_broadcastsi128_si256(value); }

int32_t pair_of(const int16_t* weights) {
    int32_t pair;
    __builtin_memcpy(&pair, weights, sizeof pair);
    return pair;
}

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

/// Four results of each row, of four channels each, as bytes.
__m256i to_bytes(const __m256i sums[4], __m256i shift) {
    const __m256i low =
        _mm256_packs_epi32(_mm256_srav_epi32(sums[0], shift), _mm256_srav_epi32(sums[1], shift));
    const __m256i high =
        _mm256_packs_epi32(_mm256_srav_epi32(sums[2], shift), _mm256_srav_epi32(sums[3], shift));
    return _mm256_packus_epi16(low, high);
}

template <int Pairs>
void across3_of(const uint8_t* a, const uint8_t* b, const RowWeights& w, uint8_t* out_a,
                uint8_t* out_b) {
    const __m256i half = _mm256_set1_epi32(1 << (w.shift - 1));
    const __m256i shift = _mm256_set1_epi32(w.shift);
    const __m256i without_fourth =
        both_halves(_mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1));
    const int pairs = Pairs ? Pairs : w.pairs;
    for (int i = 0; i < w.count; i += 4) {
        __m256i sums[4];
        for (int j = 0; j < 4; ++j) {
            const int from = 3 * w.first[i + j];
            const int16_t* weights = w.weights + (i + j) * pairs * 2;
            sums[j] = rgb_sum<Pairs>(a + from, b + from, weights, pairs, half);
        }
        const __m256i bytes = _mm256_shuffle_epi8(to_bytes(sums, shift), without_fourth);
        store16(out_a + 3 * i, _mm256_castsi256_si128(bytes));
        store16(out_b + 3 * i, _mm256_extracti128_si256(bytes, 1));
    }
}

void across3(const uint8_t* a, const uint8_t* b, const RowWeights& w, uint8_t* out_a,
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

void across1(const uint8_t* a, const uint8_t* b, const RowWeights& w, uint8_t* out_a,
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

void across1_wide(const uint8_t* a, const uint8_t* b, const RowWeights& w, uint8_t* out_a,
                  uint8_t* out_b) {
    across1_wide_row(a, w, out_a);
    across1_wide_row(b, w, out_b);
}

__m256i down32(const uint8_t* const* rows, const int16_t* weights, int pairs, __m256i shift,
               __m256i half, size_t at) {
    const __m256i zero = _mm256_setzero_si256();
    __m256i sums[4] = {half, half, half, half};
    for (int p = 0; p < pairs; ++p) {
        const __m256i a = load32(rows[2 * p] + at), b = load32(rows[2 * p + 1] + at);
        const __m256i weight = _mm256_set1_epi32(pair_of(weights + 2 * p));
        const __m256i low = _mm256_unpacklo_epi8(a, b), high = _mm256_unpackhi_epi8(a, b);
        const __m256i pixels[4] = {_mm256_unpacklo_epi8(low, zero), _mm256_unpackhi_epi8(low, zero),
                                   _mm256_unpacklo_epi8(high, zero),
                                   _mm256_unpackhi_epi8(high, zero)};
        for (int i = 0; i < 4; ++i) {
            sums[i] = _mm256_add_epi32(sums[i], _mm256_madd_epi16(pixels[i], weight));
        }
    }
    return to_bytes(sums, shift);
}

void down(const uint8_t* const* rows, const int16_t* weights, int pairs, int shift, size_t length,
          uint8_t* out) {
    if (length < 32) return portable_kernels().down(rows, weights, pairs, shift, length, out);
    const __m256i half = _mm256_set1_epi32(1 << (shift - 1)), shifts = _mm256_set1_epi32(shift);
    size_t i = 0;
    for (; i + 32 <= length; i += 32) {
        store32(out + i, down32(rows, weights, pairs, shifts, half, i));
    }
    if (i < length) {
        // The last block overlaps the one before it.
        store32(out + length - 32, down32(rows, weights, pairs, shifts, half, length - 32));
    }
}

void mirror3(const uint8_t* row, size_t count, uint8_t* out) {
    const __m128i order = _mm_setr_epi8(13, 14, 15, 10, 11, 12, 7, 8, 9, 4, 5, 6, 1, 2, 3, -1);
    size_t i = 0;
    // Five pixels at a time; one byte too many is read before them and written behind them.
    for (; i + 6 <= count; i += 5) {
        const __m128i pixels = load16(row + 3 * (count - i - 5) - 1);
        store16(out + 3 * i, _mm_shuffle_epi8(pixels, order));
    }
    portable_kernels().mirror3(row, count - i, out + 3 * i);
}

void mirror1(const uint8_t* row, size_t count, uint8_t* out) {
    const __m128i order = _mm_setr_epi8(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        store16(out + i, _mm_shuffle_epi8(load16(row + count - i - 16), order));
    }
    portable_kernels().mirror1(row, count - i, out + i);
}

/// Every third byte of 48, from byte `channel` on.
__m128i every_third(__m128i first, __m128i second, __m128i third, int channel) {
    alignas(16) uint8_t orders[3][16];
    for (int i = 0; i < 16; ++i) {
        const int at = 3 * i + channel;
        for (int part = 0; part < 3; ++part) {
            orders[part][i] = at / 16 == part ? static_cast<uint8_t>(at % 16) : 0x80;
        }
    }
    return _mm_or_si128(_mm_or_si128(_mm_shuffle_epi8(first, load16(orders[0])),
                                     _mm_shuffle_epi8(second, load16(orders[1]))),
                        _mm_shuffle_epi8(third, load16(orders[2])));
}

void split3(const uint8_t* row, size_t count, uint8_t* const planes[3]) {
    size_t i = 0;
    for (; i + 16 <= count; i += 16, row += 48) {
        const __m128i first = load16(row), second = load16(row + 16), third = load16(row + 32);
        store16(planes[0] + i, every_third(first, second, third, 0));
        store16(planes[1] + i, every_third(first, second, third, 1));
        store16(planes[2] + i, every_third(first, second, third, 2));
    }
    uint8_t* const rest[3] = {planes[0] + i, planes[1] + i, planes[2] + i};
    portable_kernels().split3(row, count - i, rest);
}

void to_float(const uint8_t* values, size_t length, int channels, const float* factor,
              const float* offset, float* out) {
    // 24 values hold 8 whole pixels of 3 channels; one channel fits as well.
    __m256 factors[3], offsets[3];
    for (int v = 0; v < 3; ++v) {
        float f[8], o[8];
        for (int i = 0; i < 8; ++i) {
            f[i] = factor[(8 * v + i) % channels];
            o[i] = offset[(8 * v + i) % channels];
        }
        factors[v] = _mm256_loadu_ps(f);
        offsets[v] = _mm256_loadu_ps(o);
    }
    size_t i = 0;
    for (; i + 24 <= length; i += 24) {
        for (int v = 0; v < 3; ++v) {
            const __m128i bytes =
                _mm_loadl_epi64(reinterpret_cast<const __m128i*>(values + i + 8 * v));
            const __m256 floats = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes));
            _mm256_storeu_ps(out + i + 8 * v,
                             _mm256_add_ps(_mm256_mul_ps(floats, factors[v]), offsets[v]));
        }
    }
    portable_kernels().to_float(values + i, length - i, channels, factor, offset, out + i);
}

__attribute__((target("avx2,f16c"))) void halves(const uint8_t* values, size_t count, float* out) {
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        _mm256_storeu_ps(out + i, _mm256_cvtph_ps(load16(values + 2 * i)));
    }
    portable_kernels().halves(values + 2 * i, count - i, out + i);
}

void down_floats(const float* const* rows, const float* weights, int taps, size_t count,
                 float* out) {
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        __m256 sum = _mm256_setzero_ps();
        for (int k = 0; k < taps; ++k) {
            const __m256 weight = _mm256_broadcast_ss(weights + k);
            sum = _mm256_add_ps(sum, _mm256_mul_ps(weight, _mm256_loadu_ps(rows[k] + i)));
        }
        _mm256_storeu_ps(out + i, sum);
    }
    for (; i < count; ++i) {
        float sum = 0;
        for (int k = 0; k < taps; ++k) sum += weights[k] * rows[k][i];
        out[i] = sum;
    }
}

__m128 four_sums(const float* values, const float* weights, int taps) {
    __m128 sums = _mm_setzero_ps();
    for (int k = 0; k < taps; k += 4) {
        sums = _mm_add_ps(sums, _mm_mul_ps(_mm_loadu_ps(weights + k), _mm_loadu_ps(values + k)));
    }
    return sums;
}

void across_floats(const float* row, const int32_t* first, const float* weights, int taps,
                   int count, float* out) {
    int i = 0;
    for (; i + 4 <= count; i += 4, weights += 4 * taps) {
        __m128 sums[4];
        for (int j = 0; j < 4; ++j) {
            sums[j] = four_sums(row + first[i + j], weights + j * taps, taps);
        }
        _mm_storeu_ps(out + i,
                      _mm_hadd_ps(_mm_hadd_ps(sums[0], sums[1]), _mm_hadd_ps(sums[2], sums[3])));
    }
    portable_kernels().across_floats(row, first + i, weights, taps, count - i, out + i);
}

}  // namespace

const Kernels* avx2_kernels() {
    static constexpr Kernels kernels = {
        across3, across1,  across1_wide, down,        mirror3,       mirror1,
        split3,  to_float, halves,       down_floats, across_floats,
    };
    return &kernels;
}

}  // namespace fastdata

#else

namespace fastdata {

const Kernels* avx2_kernels() { return nullptr; }

}  // namespace fastdata

#endif
