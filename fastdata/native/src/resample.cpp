#include "resample.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "errors.h"

namespace fastdata {

namespace {

// What kernels may write behind a row.
constexpr std::size_t slack_bytes = 32;

void require(bool covered, const char* what, int low, int high, int from, int size) {
    if (covered) return;
    throw BadInput("the filter needs " + std::string(what) + " " + std::to_string(low) + " to " +
                   std::to_string(high) + "; expected a window that has them, not one from " +
                   std::to_string(from) + " to " + std::to_string(from + size));
}

}  // namespace

ResampledRows::ResampledRows(const Pixels<std::uint8_t>& pixels, const Stretch& rows,
                             const Stretch& columns, bool mirrored, Scratch::Memory& memory)
    : pixels_(pixels),
      memory_(memory),
      across_(!columns.copies() ? Across::resample
              : mirrored        ? Across::mirror
                                : Across::copy),
      down_(!rows.copies()),
      top_(static_cast<int>(rows.start())),
      left_(static_cast<int>(columns.start())),
      width_(columns.count()),
      row_bytes_(static_cast<std::size_t>(columns.count()) * pixels.channels) {
    if (down_) memory.rows.prepare(rows);
    if (across_ == Across::resample) memory.columns.prepare(columns);
    check_window(rows, columns);
    if (across_ == Across::resample) {
        weights_ = memory.columns.row_weights(pixels.channels, mirrored, pixels.window.left);
        const Kernels& kernels = *memory.kernels;
        along_ = pixels.channels == 3       ? kernels.across3
                 : memory.columns.is_wide() ? kernels.across1_wide
                                            : kernels.across1;
    }
    if (across_ != Across::copy) prepare_ring();
    if (down_) memory.taps.resize(memory.rows.most_taps() + 1);
}

void ResampledRows::check_window(const Stretch& rows, const Stretch& columns) const {
    const Rect& window = pixels_.window;
    const Weights &r = memory_.rows, &c = memory_.columns;
    const int top = down_ ? r.low() : top_, bottom = down_ ? r.high() : top_ + rows.count();
    require(top >= window.top && bottom <= window.top + window.height, "rows", top, bottom,
            window.top, window.height);
    const bool resampled = across_ == Across::resample;
    const int left = resampled ? c.low() : left_;
    const int right = resampled ? c.high() : left_ + columns.count();
    require(left >= window.left && right <= window.left + window.width, "columns", left, right,
            window.left, window.width);
}

void ResampledRows::prepare_ring() {
    // One row more than a result depends on, since rows are made by twos.
    ring_rows_ = (down_ ? memory_.rows.most_taps() : 1) + 1;
    ring_stride_ = row_bytes_ + slack_bytes;
    ring_ = memory_.ring.at_least(ring_stride_ * ring_rows_);
}

const std::uint8_t* ResampledRows::source(int y) const {
    return pixels_.data + (y - pixels_.window.top) * pixels_.row_stride;
}

const std::uint8_t* ResampledRows::line(int y) {
    if (across_ != Across::copy) return ring(y);
    return source(y) + (left_ - pixels_.window.left) * pixels_.channels;
}

void ResampledRows::make(int first, int end) {
    const Kernels& kernels = *memory_.kernels;
    for (made_ = std::max(made_, first); made_ < end;) {
        if (across_ == Across::resample) {
            resample_two(made_);
            made_ += 2;
            continue;
        }
        const auto mirror = pixels_.channels == 3 ? kernels.mirror3 : kernels.mirror1;
        mirror(source(made_) + (left_ - pixels_.window.left) * pixels_.channels,
               static_cast<std::size_t>(width_), ring(made_));
        ++made_;
    }
}

void ResampledRows::resample_two(int y) {
    const int bottom = pixels_.window.top + pixels_.window.height;
    const std::uint8_t* first = readable(y, 0);
    const std::uint8_t* second = y + 1 < bottom ? readable(y + 1, 1) : first;
    along_(first, second, weights_, ring(y), ring(y + 1));
}

// Kernels read a little behind a row. That is the next row, except at the end of the pixels.
const std::uint8_t* ResampledRows::readable(int y, int slot) {
    const std::size_t bytes = static_cast<std::size_t>(pixels_.window.width) * pixels_.channels;
    const std::size_t needed = static_cast<std::size_t>(memory_.columns.readable_bytes());
    const std::uint8_t* row = source(y);
    const std::uint8_t* end = source(pixels_.window.top + pixels_.window.height - 1) + bytes;
    if (needed <= static_cast<std::size_t>(end - row)) return row;
    const std::size_t room = std::max(bytes, needed);
    std::uint8_t* copy = memory_.padded.at_least(2 * room) + slot * room;
    return static_cast<const std::uint8_t*>(std::memcpy(copy, row, bytes));
}

const std::uint8_t* ResampledRows::row(int i, std::uint8_t* out) {
    const Weights& rows = memory_.rows;
    const int first = down_ ? rows.first(i) : top_ + i, taps = down_ ? rows.taps(i) : 1;
    if (across_ != Across::copy) make(first, first + taps);
    if (!down_) return line(first);
    const std::uint8_t** lines = memory_.taps.data();
    for (int k = 0; k < taps; ++k) lines[k] = line(first + k);
    // Weights come in pairs; the one that fills up the last pair is 0.
    lines[taps] = lines[taps - 1];
    memory_.kernels->down(lines, rows.weights(i), (taps + 1) / 2, rows.shift(), row_bytes_, out);
    return out;
}

}  // namespace fastdata
