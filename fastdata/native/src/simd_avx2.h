#pragma once

#include <cstdint>

#if defined(__AVX2__)

#include <immintrin.h>

namespace fastdata {

// Unnamed: a copy of these that the linker shared with other files would be one for AVX2 only.
namespace {

inline __m128i load16(const void* from) {
    return _mm_loadu_si128(static_cast<const __m128i*>(from));
}
inline __m256i load32(const void* from) {
    return _mm256_loadu_si256(static_cast<const __m256i*>(from));
}
inline void store16(void* to, __m128i value) { _mm_storeu_si128(static_cast<__m128i*>(to), value); }
inline void store32(void* to, __m256i value) {
    _mm256_storeu_si256(static_cast<__m256i*>(to), value);
}

/// Two neighbouring weights as one number.
inline std::int32_t pair_of(const std::int16_t* weights) {
    std::int32_t pair;
    __builtin_memcpy(&pair, weights, sizeof pair);
    return pair;
}

/// Sums of `shift` bits behind the point as bytes, in the order in which bytes were unpacked.
inline __m256i to_bytes(const __m256i sums[4], __m256i shift) {
    const __m256i low =
        _mm256_packs_epi32(_mm256_srav_epi32(sums[0], shift), _mm256_srav_epi32(sums[1], shift));
    const __m256i high =
        _mm256_packs_epi32(_mm256_srav_epi32(sums[2], shift), _mm256_srav_epi32(sums[3], shift));
    return _mm256_packus_epi16(low, high);
}

}  // namespace

}  // namespace fastdata

#endif
