#include "jpeg_idct.h"
#include "jpeg_idct_weights.h"

#if defined(__AVX2__)
#include <immintrin.h>

namespace fastdata {
namespace {

/// Eight vectors; each half of a vector belongs to one of the two blocks.
struct Eight {
    __m256i v[8];
};

constexpr int pair_of(int low, int high) {
    return static_cast<int>(static_cast<unsigned>(low & 0xFFFF) | static_cast<unsigned>(high)
                                                                      << 16);
}

template <int low, int high>
__m256i weighted(__m256i pairs) {
    return _mm256_madd_epi16(pairs, _mm256_set1_epi32(pair_of(low, high)));
}

/// The four odd parts of four columns, from interleaved values 1 with 3 and 5 with 7.
template <int i>
__m256i odd_part(__m256i first, __m256i second) {
    constexpr const int* w = kIdctOdd[i];
    return _mm256_add_epi32(weighted<w[0], w[1]>(first), weighted<w[2], w[3]>(second));
}

/// 32-bit results of half the columns.
struct Halves {
    __m256i out[8];
};

template <int shift>
Halves transform_half(__m256i in04, __m256i in26, __m256i in13, __m256i in57) {
    const __m256i round = _mm256_set1_epi32(1 << (shift - 1));
    const __m256i sum = _mm256_add_epi32(weighted<8192, 8192>(in04), round);
    const __m256i difference = _mm256_add_epi32(weighted<8192, -8192>(in04), round);
    const __m256i low = weighted<kIdctEven[0], kIdctEven[1]>(in26);
    const __m256i high = weighted<kIdctEven[2], kIdctEven[3]>(in26);
    const __m256i even[4] = {_mm256_add_epi32(sum, low), _mm256_add_epi32(difference, high),
                             _mm256_sub_epi32(difference, high), _mm256_sub_epi32(sum, low)};
    const __m256i odd[4] = {odd_part<0>(in13, in57), odd_part<1>(in13, in57),
                            odd_part<2>(in13, in57), odd_part<3>(in13, in57)};
    Halves result;
    for (int i = 0; i < 4; ++i) {
        result.out[i] = _mm256_srai_epi32(_mm256_add_epi32(even[i], odd[i]), shift);
        result.out[7 - i] = _mm256_srai_epi32(_mm256_sub_epi32(even[i], odd[i]), shift);
    }
    return result;
}

template <int shift>
Eight transform(const Eight& in) {
    const auto* v = in.v;
    const Halves low =
        transform_half<shift>(_mm256_unpacklo_epi16(v[0], v[4]), _mm256_unpacklo_epi16(v[2], v[6]),
                              _mm256_unpacklo_epi16(v[1], v[3]), _mm256_unpacklo_epi16(v[5], v[7]));
    const Halves high =
        transform_half<shift>(_mm256_unpackhi_epi16(v[0], v[4]), _mm256_unpackhi_epi16(v[2], v[6]),
                              _mm256_unpackhi_epi16(v[1], v[3]), _mm256_unpackhi_epi16(v[5], v[7]));
    Eight result;
    for (int i = 0; i < 8; ++i) result.v[i] = _mm256_packs_epi32(low.out[i], high.out[i]);
    return result;
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

void inverse_dct_avx2(JpegBlock* two, const BlockTarget* targets) {
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
