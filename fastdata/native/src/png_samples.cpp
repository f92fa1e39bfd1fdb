#include "png_samples.h"

#include <cstddef>
#include <cstring>

#include "gray.h"

namespace fastdata {
namespace {

void gray_pixels(const Png& png, const std::uint8_t* samples, int count, int channels,
                 std::uint8_t* out) {
    const int factor = png.bits < 8 ? 255 / ((1 << png.bits) - 1) : 1;
    const int step = png.samples();
    for (int i = 0; i < count; ++i, out += channels) {
        std::memset(out, samples[i * step] * factor, static_cast<std::size_t>(channels));
    }
}

/// Indices beyond the palette's end are black, as they are for Pillow.
struct FullPalette {
    std::uint8_t colours[256][3] = {};

    explicit FullPalette(Bytes given) { std::memcpy(colours, given.data, given.size); }
};

void palette_pixels(const Png& png, const std::uint8_t* samples, int count, int channels,
                    std::uint8_t* out) {
    const FullPalette palette(png.colours);
    for (int i = 0; i < count; ++i, out += channels) {
        const std::uint8_t* colour = palette.colours[samples[i]];
        if (channels == 3) {
            std::memcpy(out, colour, 3);
        } else {
            gray_of_rgb(colour, 1, 3, out);
        }
    }
}

void colour_pixels(const Png& png, const std::uint8_t* samples, int count, int channels,
                   std::uint8_t* out) {
    const int step = png.samples();
    if (channels == 1) return gray_of_rgb(samples, static_cast<std::size_t>(count), step, out);
    for (int i = 0; i < count; ++i) std::memcpy(out + 3 * i, samples + step * i, 3);
}

}  // namespace

const std::uint8_t* png_samples(const Png& png, const std::uint8_t* row, int left, int count,
                                std::uint8_t* made) {
    const int step = png.samples();
    if (png.bits == 8) return row + static_cast<std::ptrdiff_t>(left) * step;
    if (png.bits == 16) {
        const std::uint8_t* high = row + 2 * static_cast<std::ptrdiff_t>(left) * step;
        for (int i = 0; i < count * step; ++i) made[i] = high[2 * i];
        return made;
    }
    for (int i = 0; i < count; ++i) {
        const int bit = (left + i) * png.bits;
        const int shift = 8 - png.bits - bit % 8;
        made[i] = static_cast<std::uint8_t>(row[bit / 8] >> shift & ((1 << png.bits) - 1));
    }
    return made;
}

void png_pixels(const Png& png, const std::uint8_t* samples, int count, int channels,
                std::uint8_t* out) {
    switch (png.colour) {
        case Png::palette:
            return palette_pixels(png, samples, count, channels, out);
        case Png::rgb:
        case Png::rgb_alpha:
            return colour_pixels(png, samples, count, channels, out);
        default:
            return gray_pixels(png, samples, count, channels, out);
    }
}

}  // namespace fastdata
