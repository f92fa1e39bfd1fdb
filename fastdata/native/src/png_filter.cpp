#include "png_filter.h"

#include <cstdlib>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace fastdata {
namespace {

std::uint8_t sum(int a, int b) { return static_cast<std::uint8_t>(a + b); }

/// Of the bytes to the left, above, and left above, the nearest to left + above - corner.
int paeth(int left, int above, int corner) {
    const int to_left = std::abs(above - corner);
    const int to_above = std::abs(left - corner);
    const int to_corner = std::abs(left + above - 2 * corner);
    if (to_left <= to_above && to_left <= to_corner) return left;
    return to_above <= to_corner ? above : corner;
}

void undo_up(std::uint8_t* row, const std::uint8_t* above, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) row[i] = sum(row[i], above[i]);
}

/// `predict(left, above, corner)` for any filter, a byte at a time.
template <class Predict>
void undo_bytes(std::uint8_t* row, const std::uint8_t* above, std::size_t size, std::size_t step,
                Predict predict) {
    for (std::size_t i = 0; i < size; ++i) {
        const bool first = i < step;
        row[i] =
            sum(row[i], predict(first ? 0 : row[i - step], above[i], first ? 0 : above[i - step]));
    }
}

int left_of(int left, int, int) { return left; }
int average_of(int left, int above, int) { return (left + above) / 2; }

#if defined(__SSE2__)

/// Four bytes, also where a pixel has three: to put three together takes far longer.
__m128i load(const std::uint8_t* from) {
    int pixel = 0;
    std::memcpy(&pixel, from, sizeof pixel);
    return _mm_cvtsi32_si128(pixel);
}

template <int bytes>
void store(std::uint8_t* to, __m128i pixel) {
    const int value = _mm_cvtsi128_si32(pixel);
    std::memcpy(to, &value, bytes);
}

__m128i absolute(__m128i words) {
    return _mm_max_epi16(words, _mm_sub_epi16(_mm_setzero_si128(), words));
}

__m128i chosen(__m128i mask, __m128i yes, __m128i no) {
    return _mm_or_si128(_mm_and_si128(mask, yes), _mm_andnot_si128(mask, no));
}

struct LeftPixel {
    __m128i operator()(__m128i left, __m128i, __m128i) const { return left; }
};

struct AveragePixel {
    __m128i operator()(__m128i left, __m128i above, __m128i) const {
        // The instruction rounds up where the filter rounds down.
        const __m128i odd = _mm_and_si128(_mm_xor_si128(left, above), _mm_set1_epi8(1));
        return _mm_sub_epi8(_mm_avg_epu8(left, above), odd);
    }
};

struct PaethPixel {
    __m128i operator()(__m128i left, __m128i above, __m128i corner) const {
        const __m128i zero = _mm_setzero_si128();
        const __m128i a = _mm_unpacklo_epi8(left, zero);
        const __m128i b = _mm_unpacklo_epi8(above, zero);
        const __m128i c = _mm_unpacklo_epi8(corner, zero);
        const __m128i along = _mm_sub_epi16(b, c);
        const __m128i down = _mm_sub_epi16(a, c);
        const __m128i to_left = absolute(along);
        const __m128i to_above = absolute(down);
        const __m128i to_corner = absolute(_mm_add_epi16(along, down));
        const __m128i least = _mm_min_epi16(to_corner, _mm_min_epi16(to_left, to_above));
        const __m128i nearest = chosen(_mm_cmpeq_epi16(least, to_left), a,
                                       chosen(_mm_cmpeq_epi16(least, to_above), b, c));
        return _mm_packus_epi16(nearest, nearest);
    }
};

/// A pixel of 3 or 4 bytes at a time.
template <int bytes, class Predict>
void undo_pixels(std::uint8_t* row, const std::uint8_t* above, std::size_t size, Predict predict) {
    __m128i left = _mm_setzero_si128();
    __m128i corner = _mm_setzero_si128();
    for (std::size_t i = 0; i + bytes <= size; i += bytes) {
        const __m128i up = load(above + i);
        left = _mm_add_epi8(load(row + i), predict(left, up, corner));
        corner = up;
        store<bytes>(row + i, left);
    }
}

template <int bytes>
void undo_wide(int filter, std::uint8_t* row, const std::uint8_t* above, std::size_t size) {
    if (filter == 1) undo_pixels<bytes>(row, above, size, LeftPixel());
    if (filter == 3) undo_pixels<bytes>(row, above, size, AveragePixel());
    if (filter == 4) undo_pixels<bytes>(row, above, size, PaethPixel());
}

#endif

}  // namespace

void unfilter_png_row(int filter, std::uint8_t* row, const std::uint8_t* above, std::size_t size,
                      int pixel_bytes) {
    const auto step = static_cast<std::size_t>(pixel_bytes);
    if (filter == 2) return undo_up(row, above, size);
#if defined(__SSE2__)
    if (step == 3) return undo_wide<3>(filter, row, above, size);
    if (step == 4) return undo_wide<4>(filter, row, above, size);
#endif
    if (filter == 1) undo_bytes(row, above, size, step, left_of);
    if (filter == 3) undo_bytes(row, above, size, step, average_of);
    if (filter == 4) undo_bytes(row, above, size, step, paeth);
}

}  // namespace fastdata
