#include "kernels.h"
#include "kernels_avx2.h"
#include "simd_avx2.h"

#if defined(__AVX2__)

namespace fastdata {

using std::int16_t;
using std::int32_t;
using std::size_t;
using std::uint8_t;

void avx2::mirror3(const uint8_t* row, size_t count, uint8_t* out) {
    const __m128i order = _mm_setr_epi8(13, 14, 15, 10, 11, 12, 7, 8, 9, 4, 5, 6, 1, 2, 3, -1);
    size_t i = 0;
    // Five pixels at a time; one byte too many is read before them and written behind them.
    for (; i + 6 <= count; i += 5) {
        const __m128i pixels = load16(row + 3 * (count - i - 5) - 1);
        store16(out + 3 * i, _mm_shuffle_epi8(pixels, order));
    }
    portable_kernels().mirror3(row, count - i, out + 3 * i);
}

void avx2::mirror1(const uint8_t* row, size_t count, uint8_t* out) {
    const __m128i order = _mm_setr_epi8(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        store16(out + i, _mm_shuffle_epi8(load16(row + count - i - 16), order));
    }
    portable_kernels().mirror1(row, count - i, out + i);
}

namespace {

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

}  // namespace

void avx2::split3(const uint8_t* row, size_t count, uint8_t* const planes[3]) {
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

void avx2::to_float(const uint8_t* values, size_t length, int channels, const float* factor,
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

}  // namespace fastdata

#endif
