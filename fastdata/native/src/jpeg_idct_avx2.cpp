#include "jpeg_idct_weights.h"
#include "jpeg_kernels.h"

#if defined(__AVX2__)
#include <immintrin.h>

namespace fastdata {
namespace {

/// Eight vectors; each half of a vector belongs to one of the two blocks.
struct Eight {
    __m256i v[8];
};

/// 32-bit sums of interleaved first and second values.
__m256i weighted(IdctPair weights, __m256i values) {
    const auto first = static_cast<unsigned>(weights.first) & 0xFFFF;
    const auto second = static_cast<unsigned>(weights.second) << 16;
    return _mm256_madd_epi16(values, _mm256_set1_epi32(static_cast<int>(second | first)));
}

/// Interleaves the values of half of the columns, the lower or the higher one.
template <bool high>
__m256i interleaved(__m256i first, __m256i second) {
    return high ? _mm256_unpackhi_epi16(first, second) : _mm256_unpacklo_epi16(first, second);
}

/// 32 bits, times 2^13.
template <bool high>
__m256i widened(__m256i values) {
    return _mm256_srai_epi32(interleaved<high>(_mm256_setzero_si256(), values), 16 - 13);
}

template <int shift, bool high>
Eight transform_half(const Eight& in) {
    const auto* v = in.v;
    const __m256i half = _mm256_set1_epi32(1 << (shift - 1));
    const __m256i sum = _mm256_add_epi32(widened<high>(_mm256_add_epi16(v[0], v[4])), half);
    const __m256i difference = _mm256_add_epi32(widened<high>(_mm256_sub_epi16(v[0], v[4])), half);
    const __m256i v26 = interleaved<high>(v[2], v[6]);
    const __m256i in_sum = weighted(kInSum, v26);
    const __m256i in_difference = weighted(kInDifference, v26);
    const __m256i even[4] = {
        _mm256_add_epi32(sum, in_sum), _mm256_add_epi32(difference, in_difference),
        _mm256_sub_epi32(difference, in_difference), _mm256_sub_epi32(sum, in_sum)};
    const __m256i both =
        interleaved<high>(_mm256_add_epi16(v[3], v[7]), _mm256_add_epi16(v[1], v[5]));
    const __m256i in_0_and_2 = weighted(kIn0And2, both);
    const __m256i in_1_and_3 = weighted(kIn1And3, both);
    const __m256i v17 = interleaved<high>(v[1], v[7]);
    const __m256i v35 = interleaved<high>(v[3], v[5]);
    const __m256i odd[4] = {_mm256_add_epi32(in_0_and_2, weighted(kIn0, v17)),
                            _mm256_add_epi32(in_1_and_3, weighted(kIn1, v35)),
                            _mm256_add_epi32(in_0_and_2, weighted(kIn2, v35)),
                            _mm256_add_epi32(in_1_and_3, weighted(kIn3, v17))};
    Eight out;
    for (int i = 0; i < 4; ++i) {
        out.v[i] = _mm256_srai_epi32(_mm256_add_epi32(even[i], odd[i]), shift);
        out.v[7 - i] = _mm256_srai_epi32(_mm256_sub_epi32(even[i], odd[i]), shift);
    }
    return out;
}

template <int shift>
Eight transform(const Eight& in) {
    const Eight low = transform_half<shift, false>(in);
    const Eight high = transform_half<shift, true>(in);
    Eight out;
    for (int i = 0; i < 8; ++i) out.v[i] = _mm256_packs_epi32(low.v[i], high.v[i]);
    return out;
}

/// Rows become columns, in both blocks.
Eight transposed(const Eight& in) {
    __m256i a[8];
    __m256i b[8];
    for (int i = 0; i < 4; ++i) {
        a[2 * i] = _mm256_unpacklo_epi16(in.v[2 * i], in.v[2 * i + 1]);
        a[2 * i + 1] = _mm256_unpackhi_epi16(in.v[2 * i], in.v[2 * i + 1]);
    }
    for (int i = 0; i < 8; i += 4) {
        b[i] = _mm256_unpacklo_epi32(a[i], a[i + 2]);
        b[i + 1] = _mm256_unpackhi_epi32(a[i], a[i + 2]);
        b[i + 2] = _mm256_unpacklo_epi32(a[i + 1], a[i + 3]);
        b[i + 3] = _mm256_unpackhi_epi32(a[i + 1], a[i + 3]);
    }
    Eight out;
    for (int i = 0; i < 4; ++i) {
        out.v[2 * i] = _mm256_unpacklo_epi64(b[i], b[i + 4]);
        out.v[2 * i + 1] = _mm256_unpackhi_epi64(b[i], b[i + 4]);
    }
    return out;
}

__m128i row_of(const JpegBlock& block, const BlockTarget& target, int row) {
    const auto* values = reinterpret_cast<const __m128i*>(block.values + 8 * row);
    const auto* factors = reinterpret_cast<const __m128i*>(target.factors + 8 * row);
    return _mm_mullo_epi16(_mm_load_si128(values), _mm_load_si128(factors));
}

Eight load(JpegBlock* two, const BlockTarget* targets) {
    Eight rows;
    for (int i = 0; i < 8; ++i) {
        rows.v[i] = _mm256_set_m128i(row_of(two[1], targets[1], i), row_of(two[0], targets[0], i));
    }
    return rows;
}

void clear(JpegBlock& block) {
    for (int i = 0; i < 64; i += 16) {
        _mm256_store_si256(reinterpret_cast<__m256i*>(block.values + i), _mm256_setzero_si256());
    }
}

void store_rows(__m128i two_rows, const BlockTarget& target, int row) {
    std::uint8_t* samples = target.samples + row * target.row_stride;
    _mm_storel_epi64(reinterpret_cast<__m128i*>(samples), two_rows);
    _mm_storel_epi64(reinterpret_cast<__m128i*>(samples + target.row_stride),
                     _mm_unpackhi_epi64(two_rows, two_rows));
}

}  // namespace

void avx2::inverse_dct(JpegBlock* two, const BlockTarget* targets) {
    const Eight rows = transposed(transform<18>(transposed(transform<11>(load(two, targets)))));
    clear(two[0]);
    clear(two[1]);
    const __m256i middle = _mm256_set1_epi8(-128);
    for (int i = 0; i < 8; i += 2) {
        const __m256i packed =
            _mm256_xor_si256(_mm256_packs_epi16(rows.v[i], rows.v[i + 1]), middle);
        store_rows(_mm256_castsi256_si128(packed), targets[0], i);
        store_rows(_mm256_extracti128_si256(packed, 1), targets[1], i);
    }
}

}  // namespace fastdata
#endif
