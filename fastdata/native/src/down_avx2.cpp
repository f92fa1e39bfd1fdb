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

}  // namespace

void avx2::down(const uint8_t* const* rows, const int16_t* weights, int pairs, int shift,
                size_t length, uint8_t* out) {
    if (length < 32) return portable_kernels().down(rows, weights, pairs, shift, length, out);
    const __m256i half = _mm256_set1_epi32(1 << (shift - 1)), shifts = _mm256_set1_epi32(shift);
    for (size_t i = 0; i < length; i += 32) {
        // The last block overlaps the one before it.
        const size_t at = i + 32 <= length ? i : length - 32;
        store32(out + at, down32(rows, weights, pairs, shifts, half, at));
    }
}

}  // namespace fastdata

#endif
