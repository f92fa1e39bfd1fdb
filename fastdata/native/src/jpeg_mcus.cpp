#include "jpeg_mcus.h"

#include <algorithm>

namespace fastdata {

JpegMcus::JpegMcus(const JpegFrame& frame, Bytes scan, const JpegPlane* planes,
                   const JpegKernels& kernels, Buffer& memory)
    : frame_(frame), planes_(planes), kernels_(kernels), segments_(scan, memory) {
    for (int component = 0; component < frame.components; ++component) {
        const int down = component == 0 ? frame.vertical : 1;
        const int across = component == 0 ? frame.horizontal : 1;
        for (int row = 0; row < down; ++row) {
            for (int column = 0; column < across; ++column) {
                places_[blocks_++] = {component, row, column};
            }
        }
    }
}

bool JpegMcus::read(Rect part) {
    for (int row = part.top; row < part.top + part.height; ++row) {
        if (!go_to(row * frame_.across + part.left)) return false;
        for (int column = part.left; column < part.left + part.width;) {
            if (next_ == segment_end_ && !open_segment(segments_.index() + 1)) return false;
            const int end = std::min(part.left + part.width, column + segment_end_ - next_);
            if (!read_row(row, column, end)) return false;
            next_ += end - column;
            column = end;
        }
    }
    finish();
    return true;
}

bool JpegMcus::go_to(int mcu) {
    const int index = mcu / frame_.restart_interval;
    if (index != segments_.index() && !open_segment(index)) return false;
    return skip(mcu - next_);
}

bool JpegMcus::open_segment(int index) {
    // Whole bytes after all units of a segment: libjpeg warns of them.
    if (next_ == segment_end_ && bits_.left() >= 8) return false;
    if (!segments_.go_to(index)) return false;
    bits_ = segments_.bits();
    std::fill(std::begin(dc_), std::end(dc_), 0);
    next_ = index * frame_.restart_interval;
    segment_end_ = std::min(next_ + frame_.restart_interval, frame_.across * frame_.down);
    return true;
}

bool JpegMcus::skip(int count) {
    JpegBits bits = bits_;
    for (int i = 0; i < count; ++i) {
        for (int block = 0; block < blocks_; ++block) {
            const int component = places_[block].component;
            if (!skip_block(bits, frame_.tables[component], dc_[component])) return false;
        }
        if (bits.left() < 0) return false;
    }
    next_ += count;
    bits_ = bits;
    return true;
}

bool JpegMcus::read_row(int row, int from, int to) {
    JpegBits bits = bits_;
    for (int column = from; column < to; ++column) {
        for (int block = 0; block < blocks_; ++block) {
            const Place place = places_[block];
            const bool luma = place.component == 0;
            const JpegPlane& plane = planes_[place.component];
            const int y = 8 * (row * (luma ? frame_.vertical : 1) + place.row);
            const int x = 8 * (column * (luma ? frame_.horizontal : 1) + place.column);
            const BlockTarget target = {plane.at(y, x), plane.row_stride,
                                        frame_.tables[place.component].factors};
            JpegBlock& coefficients = waiting_[waiting_count_];
            switch (read_block(bits, frame_.tables[place.component], dc_[place.component],
                               coefficients)) {
                case BlockKind::damaged:
                    return false;
                case BlockKind::flat:
                    fill_flat(coefficients.values[0], target);
                    break;
                case BlockKind::full:
                    targets_[waiting_count_] = target;
                    if (++waiting_count_ == 2) {
                        kernels_.inverse_dct(waiting_, targets_);
                        waiting_count_ = 0;
                    }
            }
        }
        if (bits.left() < 0) return false;
    }
    bits_ = bits;
    return true;
}

void JpegMcus::finish() {
    if (waiting_count_ == 0) return;
    std::uint8_t unused[64];
    targets_[1] = {unused, 8, targets_[0].factors};
    kernels_.inverse_dct(waiting_, targets_);
}

}  // namespace fastdata
