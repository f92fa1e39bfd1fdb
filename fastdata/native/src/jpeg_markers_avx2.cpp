#include "jpeg_markers.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace fastdata::avx2 {

#if defined(__x86_64__)

namespace {

constexpr std::size_t kBlock = 32;

/// One bit for each of 32 bytes: whether a marker starts there. Looks at 33 bytes.
unsigned markers_in(const std::uint8_t* bytes) {
    const __m256i filling = _mm256_set1_epi8(-1);
    const auto load = [](const std::uint8_t* from) {
        return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
    };
    const __m256i starts = _mm256_cmpeq_epi8(load(bytes), filling);
    if (_mm256_testz_si256(starts, starts)) return 0;
    const __m256i next = load(bytes + 1);
    const __m256i other = _mm256_or_si256(_mm256_cmpeq_epi8(next, _mm256_setzero_si256()),
                                          _mm256_cmpeq_epi8(next, filling));
    return static_cast<unsigned>(_mm256_movemask_epi8(_mm256_andnot_si256(other, starts)));
}

std::size_t lowest(unsigned bits) { return static_cast<std::size_t>(__builtin_ctz(bits)); }

}  // namespace

std::size_t find_marker(Bytes data, std::size_t at) {
    for (; at + kBlock < data.size; at += kBlock)
        if (const unsigned found = markers_in(data.data + at)) return at + lowest(found);
    return at;
}

void skip_restarts(Bytes data, std::size_t& at, int& first, int end) {
    for (; first < end && at + kBlock < data.size; at += kBlock) {
        for (unsigned found = markers_in(data.data + at); found; found &= found - 1) {
            const std::size_t marker = at + lowest(found);
            if (data.data[marker + 1] != 0xD0 + first % 8) return;
            if (++first == end) {
                at = marker + 2;
                return;
            }
        }
    }
}

#else

std::size_t find_marker(Bytes, std::size_t at) { return at; }

void skip_restarts(Bytes, std::size_t&, int&, int) {}

#endif

}  // namespace fastdata::avx2
