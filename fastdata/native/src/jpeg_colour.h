#pragma once

#include <cstdint>

namespace fastdata {

/// Rows of samples to rows of pixels, the same as libjpeg's "fancy" upsampling and its conversion.
///
/// Output may be written up to `kColourSlack` bytes beyond its end, and input read as far.
struct ColourKernels {
    /// Twice as many columns: out[0 .. 2 * count). `in[-1]` and `in[count]` are read too.
    void (*wider)(const std::uint8_t* in, int count, std::uint8_t* out);

    /// As `wider`, for a row of a picture of half the height, too: `near` is the row that it lies
    /// in, `far` the one that it lies closest to otherwise.
    void (*larger)(const std::uint8_t* near, const std::uint8_t* far, int count, std::uint8_t* out);

    /// Source: JFIF 1.02, "Conversion to and from RGB"; 16 bits after the point.
    void (*rgb)(const std::uint8_t* y, const std::uint8_t* cb, const std::uint8_t* cr, int count,
                std::uint8_t* out);
};

constexpr int kColourSlack = 64;

extern const ColourKernels kColour;
extern const ColourKernels kColourAvx2;

/// The quickest ones that this machine can run.
const ColourKernels& best_colour();

}  // namespace fastdata
