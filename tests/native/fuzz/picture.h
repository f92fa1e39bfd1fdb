#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <vector>

#include "pixels.h"

namespace fastdata::fuzz {

/// Ends the process where a promise of the core does not hold, so that the fuzzer keeps the input.
inline void expect(bool holds, const char* promise) {
    if (holds) return;
    std::fprintf(stderr, "broken promise: %s\n", promise);
    std::abort();
}

/// A copy of decoded pixels, rows without gaps.
struct Picture {
    Rect window;
    int channels = 0;
    std::vector<std::uint8_t> values;

    /// The part `window` of pixels that have it.
    template <class T>
    Picture(const Pixels<T>& pixels, Rect window) : window(window), channels(pixels.channels) {
        const Rect& held = pixels.window;
        expect(held.top <= window.top && held.left <= window.left &&
                   held.top + held.height >= window.top + window.height &&
                   held.left + held.width >= window.left + window.width,
               "a decoder gives at least the pixels that were asked for");
        const auto row_bytes = static_cast<std::size_t>(window.width * channels) * sizeof(T);
        for (int y = window.top; y < window.top + window.height; ++y) {
            const T* row = pixels.data + (y - held.top) * pixels.row_stride +
                           std::ptrdiff_t{window.left - held.left} * channels;
            const auto* bytes = reinterpret_cast<const std::uint8_t*>(row);
            values.insert(values.end(), bytes, bytes + row_bytes);
        }
    }

    template <class T>
    explicit Picture(const Pixels<T>& pixels) : Picture(pixels, pixels.window) {}

    /// Whether these are a part of a uint8 picture that was decoded whole.
    bool is_part_of(const Picture& whole) const {
        if (channels != whole.channels) return false;
        const auto row = static_cast<std::size_t>(window.width * channels);
        for (std::size_t i = 0; i < values.size(); ++i) {
            const std::size_t y = i / row + static_cast<std::size_t>(window.top);
            const std::size_t x = i % row + static_cast<std::size_t>(window.left * channels);
            const auto stride = static_cast<std::size_t>(whole.window.width * channels);
            if (values[i] != whole.values[y * stride + x]) return false;
        }
        return true;
    }
};

}  // namespace fastdata::fuzz
