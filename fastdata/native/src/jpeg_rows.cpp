#include "jpeg_rows.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "gray.h"
#include "jpeg_shrink.h"

namespace fastdata {

JpegRows::JpegRows(const JpegFrame& frame, const JpegPlane* planes, const JpegKernels& kernels,
                   int denominator, int from, int to, Buffer& memory)
    : frame_(frame),
      planes_(planes),
      kernels_(kernels),
      denominator_(denominator),
      left_(denominator == 1 ? from - from % frame.horizontal : from),
      count_(to - left_) {
    const std::size_t size = static_cast<std::size_t>(count_ + 2 * JpegKernels::kSlack) / 64 * 64;
    // After the rows, sums of up to 8 stored samples for each of a row's.
    std::uint8_t* first = memory.get((3 + 2 * 8) * size);
    for (std::size_t i = 0; i < 3; ++i) rows_[i] = first + i * size;
    sums_ = reinterpret_cast<std::uint16_t*>(first + 3 * size);
}

void JpegRows::make(int y, int channels, std::uint8_t* out) {
    const std::uint8_t* luma = samples(0, y);
    if (frame_.components == 1) {
        const auto size = static_cast<std::size_t>(channels);
        for (int i = 0; i < count_; ++i) std::memset(out + channels * i, luma[i], size);
        return;
    }
    kernels_.rgb(luma, samples(1, y), samples(2, y), count_, out);
    if (channels == 1) gray_of_rgb(out, static_cast<std::size_t>(count_), 3, out);
}

const std::uint8_t* JpegRows::samples(int i, int y) {
    if (denominator_ > 1) {
        const int down = i == 0 ? denominator_ : denominator_ / frame_.vertical;
        const int across = i == 0 ? denominator_ : denominator_ / frame_.horizontal;
        shrink_row(planes_[i], down, across, y, left_, count_, sums_, rows_[i]);
        return rows_[i];
    }
    if (i == 0 || frame_.horizontal == 1) return planes_[i].at(y, left_);
    return upsampled(planes_[i], y, rows_[i]);
}

const std::uint8_t* JpegRows::upsampled(const JpegPlane& plane, int y, std::uint8_t* out) const {
    const int width = (frame_.width + 1) / 2;
    const int first = left_ / 2;
    const int samples = (count_ + 1) / 2;
    // Beyond the picture's edges its last samples go on.
    const auto row = [&](int at) {
        if (first == 0) *plane.at(at, -1) = *plane.at(at, 0);
        if (first + samples == width) *plane.at(at, width) = *plane.at(at, width - 1);
        return plane.at(at, first);
    };
    if (frame_.vertical == 1) {
        kernels_.wider(row(y), samples, out);
        return out;
    }
    const int height = (frame_.height + 1) / 2;
    const int other = std::clamp(y % 2 ? y / 2 + 1 : y / 2 - 1, 0, height - 1);
    kernels_.larger(row(y / 2), row(other), samples, out);
    return out;
}

}  // namespace fastdata
