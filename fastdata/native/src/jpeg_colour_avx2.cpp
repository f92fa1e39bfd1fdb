#include "jpeg_kernels.h"

#if defined(__AVX2__)
#include <immintrin.h>

#include "jpeg_upsample_rows.h"

namespace fastdata {
namespace {

__m256i widened(const std::uint8_t* samples) {
    return _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(samples)));
}

/// value * weight / 2^16, rounded to nearest, for |value| <= 128.
__m256i scaled(__m256i value, int weight) {
    const __m256i twice = _mm256_add_epi16(value, value);
    const __m256i product =
        _mm256_mulhi_epi16(twice, _mm256_set1_epi16(static_cast<short>(weight)));
    return _mm256_srai_epi16(_mm256_add_epi16(product, _mm256_set1_epi16(1)), 1);
}

/// The green's share of four times four pairs of blue and red differences, less red's whole ones.
__m256i green_half(__m256i pairs) {
    const auto weights = static_cast<int>(0xFFFF & -22554u) | (65536 - 46802) << 16;
    const __m256i sum = _mm256_madd_epi16(pairs, _mm256_set1_epi32(weights));
    return _mm256_srai_epi32(_mm256_add_epi32(sum, _mm256_set1_epi32(1 << 15)), 16);
}

__m128i bytes_of(__m256i values) {
    const __m256i packed = _mm256_packus_epi16(values, values);
    return _mm256_castsi256_si128(_mm256_permute4x64_epi64(packed, 0x08));
}

/// Sixteen pixels' channels to 48 bytes.
void store_interleaved(__m128i red, __m128i green, __m128i blue, std::uint8_t* out) {
    const char no = -1;
    const auto mixed = [&](__m128i r, __m128i g, __m128i b) {
        return _mm_or_si128(_mm_shuffle_epi8(red, r),
                            _mm_or_si128(_mm_shuffle_epi8(green, g), _mm_shuffle_epi8(blue, b)));
    };
    const __m128i first =
        mixed(_mm_setr_epi8(0, no, no, 1, no, no, 2, no, no, 3, no, no, 4, no, no, 5),
              _mm_setr_epi8(no, 0, no, no, 1, no, no, 2, no, no, 3, no, no, 4, no, no),
              _mm_setr_epi8(no, no, 0, no, no, 1, no, no, 2, no, no, 3, no, no, 4, no));
    const __m128i second =
        mixed(_mm_setr_epi8(no, no, 6, no, no, 7, no, no, 8, no, no, 9, no, no, 10, no),
              _mm_setr_epi8(5, no, no, 6, no, no, 7, no, no, 8, no, no, 9, no, no, 10),
              _mm_setr_epi8(no, 5, no, no, 6, no, no, 7, no, no, 8, no, no, 9, no, no));
    const __m128i third =
        mixed(_mm_setr_epi8(no, 11, no, no, 12, no, no, 13, no, no, 14, no, no, 15, no, no),
              _mm_setr_epi8(no, no, 11, no, no, 12, no, no, 13, no, no, 14, no, no, 15, no),
              _mm_setr_epi8(10, no, no, 11, no, no, 12, no, no, 13, no, no, 14, no, no, 15));
    auto* to = reinterpret_cast<__m128i*>(out);
    _mm_storeu_si128(to, first);
    _mm_storeu_si128(to + 1, second);
    _mm_storeu_si128(to + 2, third);
}

}  // namespace

void avx2::wider(const std::uint8_t* in, int count, std::uint8_t* out) {
    wider_row(in, count, out);
}

void avx2::larger(const std::uint8_t* near, const std::uint8_t* far, int count, std::uint8_t* out) {
    larger_row(near, far, count, out);
}

void avx2::rgb(const std::uint8_t* y, const std::uint8_t* cb, const std::uint8_t* cr, int count,
               std::uint8_t* out) {
    const __m256i middle = _mm256_set1_epi16(128);
    for (int i = 0; i < count; i += 16, out += 48) {
        const __m256i luma = widened(y + i);
        const __m256i blue = _mm256_sub_epi16(widened(cb + i), middle);
        const __m256i red = _mm256_sub_epi16(widened(cr + i), middle);
        // 1.402 is 1 + 0.402, and 1.772 is 2 - 0.228: so that the weights fit in 16 bits.
        const __m256i r = _mm256_add_epi16(_mm256_add_epi16(luma, red), scaled(red, 91881 - 65536));
        const __m256i b = _mm256_add_epi16(_mm256_add_epi16(luma, _mm256_add_epi16(blue, blue)),
                                           scaled(blue, 116130 - 131072));
        const __m256i share = _mm256_packs_epi32(green_half(_mm256_unpacklo_epi16(blue, red)),
                                                 green_half(_mm256_unpackhi_epi16(blue, red)));
        const __m256i g = _mm256_add_epi16(_mm256_sub_epi16(luma, red), share);
        store_interleaved(bytes_of(r), bytes_of(g), bytes_of(b), out);
    }
}

}  // namespace fastdata
#endif
