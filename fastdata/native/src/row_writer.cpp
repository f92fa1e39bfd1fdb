#include "row_writer.h"

#include <cstring>
#include <string>

#include "errors.h"

namespace fastdata {

namespace {

std::string shape(int height, int width, int channels) {
    return std::to_string(height) + " x " + std::to_string(width) + " x " +
           std::to_string(channels);
}

}  // namespace

void check_target(const Target& target, int height, int width, int channels) {
    if (target.height == height && target.width == width && target.channels == channels) return;
    throw BadInput("shape " + shape(height, width, channels) + " after transforms; the batch has " +
                   shape(target.height, target.width, target.channels) +
                   "; add a Resize or a crop, so that all samples have one size");
}

RowWriter::RowWriter(const Target& target, Scratch::Memory& memory)
    : target_(target),
      kernels_(*memory.kernels),
      layout_(layout_of(target)),
      row_bytes_(static_cast<std::size_t>(target.width) * target.channels),
      line_(memory.line.at_least(row_bytes_)),
      planes_(memory.planes.at_least(row_bytes_)) {}

RowWriter::Layout RowWriter::layout_of(const Target& target) {
    const bool floats = target.type == Target::Type::f32;
    const std::ptrdiff_t item = floats ? sizeof(float) : 1;
    const bool interleaved = target.column_stride == item * target.channels &&
                             (target.channels == 1 || target.channel_stride == item);
    if (interleaved) return floats ? Layout::floats : Layout::bytes;
    if (target.column_stride != item || target.channels != 3) return Layout::strided;
    return floats ? Layout::float_planes : Layout::byte_planes;
}

std::uint8_t* RowWriter::buffer(int y) {
    return layout_ == Layout::bytes ? target_.data + y * target_.row_stride : line_;
}

void RowWriter::write(int y, const std::uint8_t* pixels) {
    std::uint8_t* row = target_.data + y * target_.row_stride;
    switch (layout_) {
        case Layout::bytes:
            if (pixels != row) std::memcpy(row, pixels, row_bytes_);
            return;
        case Layout::floats:
            kernels_.to_float(pixels, row_bytes_, target_.channels, target_.factor, target_.offset,
                              reinterpret_cast<float*>(row));
            return;
        case Layout::byte_planes:
        case Layout::float_planes:
            return write_planes(row, pixels);
        case Layout::strided:
            return write_strided(row, pixels);
    }
}

void RowWriter::write_planes(std::uint8_t* row, const std::uint8_t* pixels) {
    const std::size_t width = static_cast<std::size_t>(target_.width);
    const bool floats = layout_ == Layout::float_planes;
    std::uint8_t* planes[3];
    for (int c = 0; c < 3; ++c) {
        planes[c] = floats ? planes_ + c * width : row + c * target_.channel_stride;
    }
    kernels_.split3(pixels, width, planes);
    if (!floats) return;
    for (int c = 0; c < 3; ++c) {
        kernels_.to_float(planes[c], width, 1, target_.factor + c, target_.offset + c,
                          reinterpret_cast<float*>(row + c * target_.channel_stride));
    }
}

void RowWriter::write_strided(std::uint8_t* row, const std::uint8_t* pixels) {
    for (int x = 0; x < target_.width; ++x) {
        for (int c = 0; c < target_.channels; ++c) {
            std::uint8_t* to = row + x * target_.column_stride + c * target_.channel_stride;
            const std::uint8_t value = *pixels++;
            if (target_.type == Target::Type::f32) {
                const float scaled = static_cast<float>(value) * target_.factor[c];
                const float moved = scaled + target_.offset[c];
                std::memcpy(to, &moved, sizeof moved);
            } else {
                *to = value;
            }
        }
    }
}

}  // namespace fastdata
