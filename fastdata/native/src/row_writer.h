#pragma once

#include <cstddef>
#include <cstdint>

#include "pixels.h"
#include "scratch.h"

namespace fastdata {

/// Throws `BadInput` unless the target has this shape.
void check_target(const Target& target, int height, int width, int channels);

/// Writes rows of interleaved uint8 pixels into a target of any layout.
class RowWriter {
  public:
    RowWriter(const Target& target, Scratch::Memory& memory);

    /// Where row `y` may be made in place, or a line to make it in; either has room for it only.
    std::uint8_t* buffer(int y);
    /// Row `y` of the target becomes `pixels`, which may be what `buffer` gave.
    void write(int y, const std::uint8_t* pixels);

  private:
    enum class Layout { bytes, floats, byte_planes, float_planes, strided };

    static Layout layout_of(const Target& target);
    void write_planes(std::uint8_t* row, const std::uint8_t* pixels);
    void write_strided(std::uint8_t* row, const std::uint8_t* pixels);

    const Target& target_;
    const Kernels& kernels_;
    Layout layout_;
    std::size_t row_bytes_;
    std::uint8_t* line_;
    std::uint8_t* planes_;
};

}  // namespace fastdata
