#include "jpeg_reach.h"

#include <algorithm>

namespace fastdata {

namespace {

constexpr int kBlock = 8;
// Components that are at most so many samples wide are repeated instead of smoothed.
constexpr int kNarrow = 2;

int divided_up(int value, int by) { return (value + by - 1) / by; }

/// Samples a block's side has after a smaller inverse transform; subsampled components are made
/// smaller by less where that saves upsampling.
int block_side(const JpegComponent& part, int most_h, int most_v, int least) {
    int side = least;
    while (side < kBlock && most_h * least % (part.horizontal * side * 2) == 0 &&
           most_v * least % (part.vertical * side * 2) == 0)
        side *= 2;
    return side;
}

}  // namespace

JpegReach::JpegReach(const JpegHeader& header, int denominator) : denominator_(denominator) {
    const int least = kBlock / denominator;
    if (header.channels == 1 || least < 2) return;
    int most_h = 1, most_v = 1;
    for (int i = 0; i < header.channels; ++i) {
        most_h = std::max(most_h, header.components[i].horizontal);
        most_v = std::max(most_v, header.components[i].vertical);
    }
    for (int i = 0; i < header.channels; ++i) {
        const JpegComponent& part = header.components[i];
        const int side = block_side(part, most_h, most_v, least);
        const int h = part.horizontal * side / least, v = part.vertical * side / least;
        const bool half_width = h * 2 == most_h, half_height = v * 2 == most_v;
        const bool smooth_columns = half_width && (half_height || v == most_v);
        columns_reach_ |= smooth_columns;
        rows_reach_ |= half_height && (half_width || h == most_h);
        if (smooth_columns) sample_width_ = 2 * denominator;
    }
}

Span JpegReach::widened(Span wanted, int size, bool reaches) const {
    // In pixels of the decoded picture, of which a sample makes two: an even one depends on the
    // sample before, an odd one on the sample behind.
    Span span{wanted.begin / denominator_, divided_up(wanted.end, denominator_)};
    if (reaches && span.begin % 2 == 0) --span.begin;
    if (reaches && span.end % 2 == 0) ++span.end;
    return {std::max(0, span.begin * denominator_), std::min(size, span.end * denominator_)};
}

bool JpegReach::same_rule(int narrow, int width) const {
    if (!sample_width_ || divided_up(width, sample_width_) <= kNarrow) return true;
    return divided_up(narrow, sample_width_) > kNarrow;
}

}  // namespace fastdata
