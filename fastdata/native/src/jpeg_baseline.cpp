#include "jpeg_baseline.h"

#include <algorithm>
#include <cstring>

#include "gray.h"

namespace fastdata {
namespace {

int rounded_up(int value, int multiple) { return (value + multiple - 1) / multiple * multiple; }

}  // namespace

bool JpegBaseline::decode(Bytes file, const JpegHeader& header, int channels, Rect wanted,
                          Pixels<std::uint8_t>& result) {
    if (!frame_.read(file, header)) return false;
    const Rect part = reach(wanted);
    make_planes(part);
    const Bytes scan = {file.data + header.scan.end, file.size - header.scan.end};
    if (!JpegMcus(frame_, scan, planes_, kernels_, compressed_).read(part)) return false;
    result.channels = channels;
    result.window = wanted;
    result.height = frame_.height;
    result.width = frame_.width;
    result.denominator = 1;
    make_pixels(channels, wanted, result);
    return true;
}

Rect JpegBaseline::reach(Rect wanted) const {
    // An even pixel depends on the chroma sample before its own, an odd one on the one after it.
    const int above = frame_.vertical == 2 && wanted.top % 2 == 0;
    const int before = frame_.horizontal == 2 && wanted.left % 2 == 0;
    const int bottom = wanted.top + wanted.height;
    const int right = wanted.left + wanted.width;
    const int below = frame_.vertical == 2 && bottom % 2 == 0;
    const int after = frame_.horizontal == 2 && right % 2 == 0;
    const int first_row = std::max(0, wanted.top - above) / frame_.mcu_height();
    const int first_column = std::max(0, wanted.left - before) / frame_.mcu_width();
    const int last_row = (std::min(bottom + below, frame_.height) - 1) / frame_.mcu_height();
    const int last_column = (std::min(right + after, frame_.width) - 1) / frame_.mcu_width();
    return {first_row, first_column, last_row + 1 - first_row, last_column + 1 - first_column};
}

void JpegBaseline::make_planes(Rect part) {
    std::size_t total = 0;
    std::size_t starts[3];
    for (int i = 0; i < frame_.components; ++i) {
        const int tall = 8 * (i == 0 ? frame_.vertical : 1);
        const int wide = 8 * (i == 0 ? frame_.horizontal : 1);
        // Room for a sample before the first one, and for what is read and written beyond the last.
        const int stride =
            rounded_up(JpegKernels::kSlack + part.width * wide + JpegKernels::kSlack, 64);
        planes_[i] = {nullptr, stride, part.top * tall, part.left * wide};
        starts[i] = total + JpegKernels::kSlack;
        total += static_cast<std::size_t>(stride) * static_cast<std::size_t>(part.height * tall);
    }
    std::uint8_t* samples = samples_.get(total);
    for (int i = 0; i < frame_.components; ++i) planes_[i].samples = samples + starts[i];
}

void JpegBaseline::make_pixels(int channels, Rect wanted, Pixels<std::uint8_t>& result) {
    if (channels == 1 && frame_.components == 1) {
        result.data = planes_[0].at(wanted.top, wanted.left);
        result.row_stride = planes_[0].row_stride;
        return;
    }
    const int left = wanted.left - wanted.left % frame_.horizontal;
    const int count = wanted.left + wanted.width - left;
    const int stride = rounded_up(3 * count + JpegKernels::kSlack, 64);
    std::uint8_t* out =
        pixels_.get(static_cast<std::size_t>(stride) * static_cast<std::size_t>(wanted.height));
    for (int i = 0; i < wanted.height; ++i) {
        std::uint8_t* row = out + static_cast<std::ptrdiff_t>(i) * stride;
        make_row(wanted.top + i, left, count, row);
        if (channels == 1) gray_of_rgb(row, static_cast<std::size_t>(count), 3, row);
    }
    result.data = out + (wanted.left - left) * channels;
    result.row_stride = stride;
}

void JpegBaseline::make_row(int y, int left, int count, std::uint8_t* out) {
    const std::uint8_t* luma = planes_[0].at(y, left);
    if (frame_.components == 1) {
        for (int i = 0; i < count; ++i) std::memset(out + 3 * i, luma[i], 3);
        return;
    }
    const int stride = rounded_up(count + JpegKernels::kSlack, 64);
    std::uint8_t* wide = wide_.get(2 * static_cast<std::size_t>(stride));
    const std::uint8_t* blue = chroma_row(planes_[1], y, left, count, wide);
    const std::uint8_t* red = chroma_row(planes_[2], y, left, count, wide + stride);
    kernels_.rgb(luma, blue, red, count, out);
}

const std::uint8_t* JpegBaseline::chroma_row(const JpegPlane& plane, int y, int left, int count,
                                             std::uint8_t* wide) const {
    if (frame_.horizontal == 1) return plane.at(y, left);
    const int width = (frame_.width + 1) / 2;
    const int first = left / 2;
    const int samples = (count + 1) / 2;
    // Beyond the picture's edges its last samples go on.
    const auto row = [&](int at) {
        if (first == 0) *plane.at(at, -1) = *plane.at(at, 0);
        if (first + samples == width) *plane.at(at, width) = *plane.at(at, width - 1);
        return plane.at(at, first);
    };
    if (frame_.vertical == 1) {
        kernels_.wider(row(y), samples, wide);
        return wide;
    }
    const int height = (frame_.height + 1) / 2;
    const int other = std::clamp(y % 2 ? y / 2 + 1 : y / 2 - 1, 0, height - 1);
    kernels_.larger(row(y / 2), row(other), samples, wide);
    return wide;
}

}  // namespace fastdata
