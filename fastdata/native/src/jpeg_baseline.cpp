#include "jpeg_baseline.h"

#include <algorithm>

#include "jpeg_mcus.h"
#include "jpeg_rows.h"
#include "jpeg_shrink.h"

namespace fastdata {
namespace {

int rounded_up(int value, int multiple) { return (value + multiple - 1) / multiple * multiple; }

}  // namespace

bool JpegBaseline::decode(Bytes file, const JpegHeader& header, int channels, Rect wanted,
                          int denominator, Pixels<std::uint8_t>& result) {
    if (!frame_.read(file, header)) return false;
    const Rect part = reach(wanted, denominator);
    make_planes(part);
    const Bytes scan = {file.data + header.scan.end, file.size - header.scan.end};
    if (!JpegMcus(frame_, scan, planes_, kernels_, compressed_).read(part)) return false;
    result.channels = channels;
    result.window = shrunk(wanted, denominator);
    result.height = (frame_.height + denominator - 1) / denominator;
    result.width = (frame_.width + denominator - 1) / denominator;
    result.denominator = denominator;
    make_pixels(result);
    return true;
}

Rect JpegBaseline::reach(Rect wanted, int denominator) const {
    // An even pixel depends on the chroma sample before its own, an odd one on the one after it;
    // smaller pictures are made without upsampling.
    const bool smooth_down = frame_.vertical == 2 && denominator == 1;
    const bool smooth_across = frame_.horizontal == 2 && denominator == 1;
    const int bottom = wanted.top + wanted.height;
    const int right = wanted.left + wanted.width;
    const int above = smooth_down && wanted.top % 2 == 0;
    const int below = smooth_down && bottom % 2 == 0;
    const int before = smooth_across && wanted.left % 2 == 0;
    const int after = smooth_across && right % 2 == 0;
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

void JpegBaseline::make_pixels(Pixels<std::uint8_t>& result) {
    const Rect window = result.window;
    if (result.channels == 1 && frame_.components == 1 && result.denominator == 1) {
        result.data = planes_[0].at(window.top, window.left);
        result.row_stride = planes_[0].row_stride;
        return;
    }
    JpegRows rows(frame_, planes_, kernels_, result.denominator, window.left,
                  window.left + window.width, row_memory_);
    const int stride = rounded_up(3 * rows.count() + JpegKernels::kSlack, 64);
    std::uint8_t* out =
        pixels_.get(static_cast<std::size_t>(stride) * static_cast<std::size_t>(window.height));
    for (int i = 0; i < window.height; ++i) {
        rows.make(window.top + i, result.channels, out + static_cast<std::ptrdiff_t>(i) * stride);
    }
    result.data = out + (window.left - rows.left()) * result.channels;
    result.row_stride = stride;
}

}  // namespace fastdata
