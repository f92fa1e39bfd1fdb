#include "triangle_filter.h"

#include <algorithm>
#include <cmath>

namespace fastdata {

void TriangleFilter::prepare(const Stretch& stretch) {
    first_.resize(static_cast<std::size_t>(stretch.count()));
    taps_.resize(first_.size());
    most_taps_ = 0;
    for (int i = 0; i < count(); ++i) {
        first_[i] = stretch.first(i);
        taps_[i] = stretch.end(i) - first_[i];
        most_taps_ = std::max(most_taps_, taps_[i]);
    }
    weights_.resize(first_.size() * most_taps_);
    peak_ = 0;
    for (int i = 0; i < count(); ++i) weigh(i, stretch);
}

void TriangleFilter::weigh(int i, const Stretch& stretch) {
    double* weights = &weights_[static_cast<std::size_t>(i) * most_taps_];
    const double slope = 1 / stretch.support();
    const double from = first_[i] + 0.5 - stretch.centre(i);
    double sum = 0;
    for (int k = 0; k < taps_[i]; ++k) {
        weights[k] = std::max(0.0, 1 - std::abs(from + k) * slope);
        sum += weights[k];
    }
    const double share = 1 / sum;
    for (int k = 0; k < taps_[i]; ++k) {
        weights[k] *= share;
        peak_ = std::max(peak_, weights[k]);
    }
}

}  // namespace fastdata
