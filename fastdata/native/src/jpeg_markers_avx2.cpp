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
    const __m256i next = load(bytes + 1);
    const __m256i other = _mm256_or_si256(_mm256_cmpeq_epi8(next, _mm256_setzero_si256()),
                                          _mm256_cmpeq_epi8(next, filling));
    return static_cast<unsigned>(_mm256_movemask_epi8(_mm256_andnot_si256(other, starts)));
}

std::size_t lowest(unsigned bits) { return static_cast<std::size_t>(__builtin_ctz(bits)); }

/// Counts the markers found in one block; returns the last of them, or counts none and returns
/// `data.size` if one is wrong.
std::size_t last_counted(Bytes data, std::size_t at, unsigned found, int& first, int end) {
    std::size_t marker = data.size;
    int number = first;
    for (; found && number < end; found &= found - 1, ++number) {
        marker = at + lowest(found);
        if (data.data[marker + 1] != 0xD0 + number % 8) return data.size;
    }
    first = number;
    return marker;
}

}  // namespace

std::size_t find_marker(Bytes data, std::size_t at) {
    for (; at + kBlock < data.size; at += kBlock)
        if (const unsigned found = markers_in(data.data + at)) return at + lowest(found);
    return at;
}

void skip_restarts(Bytes data, std::size_t& at, int& first, int end) {
    for (; first < end && at + kBlock < data.size; at += kBlock) {
        // Whether a block holds a marker cannot be foreseen, so with one or none nothing branches.
        const unsigned found = markers_in(data.data + at);
        std::size_t marker = at + lowest(found | 1U << (kBlock - 1));
        const bool wrong = (found != 0) & (data.data[marker + 1] != 0xD0 + first % 8);
        if (wrong | ((found & (found - 1)) != 0)) {
            marker = last_counted(data, at, found, first, end);
            if (marker == data.size) return;
        } else {
            first += found != 0;
        }
        if (first == end) {
            at = marker + 2;
            return;
        }
    }
}

#else

std::size_t find_marker(Bytes, std::size_t at) { return at; }

void skip_restarts(Bytes, std::size_t&, int&, int) {}

#endif

}  // namespace fastdata::avx2
