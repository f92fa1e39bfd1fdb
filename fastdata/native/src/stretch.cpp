#include "stretch.h"

#include <algorithm>

namespace fastdata {

Stretch::Stretch(double start, double length, int count, int size, int denominator)
    : count_(count), size_(size) {
    // Pillow takes the box's edges as floats, and their difference too.
    const float from = static_cast<float>(start) / static_cast<float>(denominator);
    const float to = static_cast<float>(start + length) / static_cast<float>(denominator);
    start_ = from;
    scale_ = static_cast<double>(to - from) / count;
}

int Stretch::first(int i) const {
    // From above -1 on, conversion to int rounds up to 0, which is where the picture starts.
    return std::clamp(static_cast<int>(centre(i) - support() + 0.5), 0, size_ - 1);
}

int Stretch::end(int i) const {
    // Pillow's bound, less the pixel whose weight is exactly 0.
    const double behind = centre(i) + support() - 0.5;
    const int below = static_cast<int>(behind), end = below + (below < behind);
    return std::clamp(end, first(i) + 1, size_);
}

}  // namespace fastdata
