#pragma once

#include <cstddef>
#include <cstdint>

namespace fastdata {

/// `count` pixels' gray, as Pillow's convert("L") has it: ITU-R BT.601 luma of 16-bit weights.
///
/// `gray` may be where `colours` starts. `step` is the bytes of one source pixel, 3 or 4.
inline void gray_of_rgb(const std::uint8_t* colours, std::size_t count, int step,
                        std::uint8_t* gray) {
    for (std::size_t i = 0; i < count; ++i, colours += step) {
        const unsigned sum = 19595u * colours[0] + 38470u * colours[1] + 7471u * colours[2];
        gray[i] = static_cast<std::uint8_t>((sum + 0x8000u) >> 16);
    }
}

}  // namespace fastdata
