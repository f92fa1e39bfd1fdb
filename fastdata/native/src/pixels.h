#pragma once

#include <cstddef>
#include <cstdint>

#include "geometry.h"

namespace fastdata {

/// The part of a stored picture that is in memory, channels interleaved.
///
/// A decoder may have made the picture smaller by a power of two: then `window`, `height` and
/// `width` are in pixels of the smaller picture, whose pixel (y, x) covers the stored rows
/// y * denominator up to (y + 1) * denominator, and columns likewise.
template <class T>
struct Pixels {
    const T* data = nullptr;        ///< Pixel (window.top, window.left).
    std::ptrdiff_t row_stride = 0;  ///< Elements from one row to the next.
    int channels = 1;
    Rect window;
    int height = 0;  ///< Of the whole picture.
    int width = 0;
    int denominator = 1;  ///< 1, 2, 4 or 8.
};

/// Where one result goes: any layout, given by strides in bytes that keep values aligned.
struct Target {
    enum class Type { u8, u16, f32 };

    std::uint8_t* data = nullptr;
    Type type = Type::u8;
    int height = 0;  ///< After turning.
    int width = 0;
    int channels = 1;
    std::ptrdiff_t row_stride = 0;
    std::ptrdiff_t column_stride = 0;
    std::ptrdiff_t channel_stride = 0;
    /// For f32 targets of uint8 images: value * factor + offset, a channel at a time.
    float factor[4] = {1, 1, 1, 1};
    float offset[4] = {0, 0, 0, 0};
};

}  // namespace fastdata
