#include "weights.h"

#include <algorithm>
#include <cmath>

namespace fastdata {

namespace {

// With as many bits, int32 sums of 255 * weights just do not overflow.
constexpr int most_shift = 22;
// Eight bits less than Pillow has: thirds, fifths and fifteenths, whose results often lie in the
// middle between two levels, are then rounded to the same side as Pillow's.
constexpr int usual_shift = 14;

int shift_for(double peak) {
    int shift = usual_shift;
    // Rounding may make a weight larger by a unit.
    while (peak <= 0.5 && shift < most_shift && std::ldexp(peak, shift + 1) <= 32766) ++shift;
    return shift;
}

int rounded_up(int value, int multiple) { return (value + multiple - 1) / multiple * multiple; }

}  // namespace

void Weights::prepare(const Stretch& stretch) {
    if (prepared_ && stretch == stretch_) return;
    prepared_ = true;
    stretch_ = stretch;
    filter_.prepare(stretch);
    shift_ = shift_for(filter_.peak());
    stride_ = rounded_up(filter_.most_taps(), 2);
    weights_.assign(static_cast<std::size_t>(count()) * stride_, 0);
    for (int i = 0; i < count(); ++i) quantise(i);
}

void Weights::quantise(int i) {
    const double* exact = filter_.weights(i);
    std::int16_t* weights = &weights_[static_cast<std::size_t>(i) * stride_];
    const double unit = 1 << shift_;
    double sum = 0;
    int before = 0;
    for (int k = 0; k < filter_.taps(i); ++k) {
        sum += exact[k];
        const int now = static_cast<int>(sum * unit + 0.5);
        weights[k] = static_cast<std::int16_t>(now - before);
        before = now;
    }
}

RowWeights Weights::row_weights(int channels, bool mirrored, int origin) {
    wide_ = channels == 1 && widest_group(mirrored) > 16;
    const int pairs = rounded_up((most_taps() + 1) / 2, wide_ ? 8 : 1);
    lay_out(pairs, channels == 1 && !wide_, mirrored, origin);
    readable_bytes_ = (first(count() - 1) - origin + 2 * pairs) * channels + 16;
    return {row_first_.data(), row_weights_.data(), static_cast<int>(row_first_.size()), pairs,
            shift_};
}

int Weights::widest_group(bool mirrored) const {
    int widest = 0;
    for (int i = 0; i < count(); i += 4) {
        const int from = mirrored ? std::max(0, count() - 4 - i) : i;
        const int last = mirrored ? count() - 1 - i : std::min(i + 3, count() - 1);
        widest = std::max(widest, end(last) - first(from));
    }
    return widest;
}

void Weights::lay_out(int pairs, bool grouped, bool mirrored, int origin) {
    const int padded = rounded_up(count(), 4);
    row_first_.resize(padded);
    row_weights_.assign(static_cast<std::size_t>(padded) * pairs * 2, 0);
    for (int i = 0; i < padded; ++i) {
        const int result = std::min(i, count() - 1);
        const int source = mirrored ? count() - 1 - result : result;
        row_first_[i] = first(source) - origin;
        if (i != result) continue;
        const std::size_t start = grouped ? (i / 4 * pairs * 4 + i % 4) * 2 : i * pairs * 2;
        std::int16_t* to = &row_weights_[start];
        const int step = grouped ? 8 : 2;
        for (int k = 0; k < taps(source); ++k) to[k / 2 * step + k % 2] = weights(source)[k];
    }
}

}  // namespace fastdata
