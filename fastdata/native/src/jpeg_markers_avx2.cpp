#include "jpeg_markers.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace fastdata {

std::size_t find_marker_avx2(Bytes data, std::size_t at) {
#if defined(__x86_64__)
    const __m256i filling = _mm256_set1_epi8(-1), zero = _mm256_setzero_si256();
    for (; at + 33 <= data.size; at += 32) {
        const auto load = [&](std::size_t from) {
            return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(data.data + from));
        };
        const __m256i starts = _mm256_cmpeq_epi8(load(at), filling);
        if (_mm256_testz_si256(starts, starts)) continue;
        const __m256i next = load(at + 1);
        const __m256i other =
            _mm256_or_si256(_mm256_cmpeq_epi8(next, zero), _mm256_cmpeq_epi8(next, filling));
        const int found = _mm256_movemask_epi8(_mm256_andnot_si256(other, starts));
        if (found)
            return at + static_cast<std::size_t>(__builtin_ctz(static_cast<unsigned>(found)));
    }
#else
    (void)data;
#endif
    return at;
}

}  // namespace fastdata
