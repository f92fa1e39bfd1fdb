#pragma once

#include <cstddef>
#include <cstdint>

#include "bytes.h"
#include "crc32c.h"
#include "geometry.h"

namespace fastdata::fuzz {

/// What a target chooses beside its input: boxes, sizes, flags. They follow from the input's
/// checksum, so that an input is a plain file, and repeats what it did.
class Choices {
  public:
    explicit Choices(Bytes input) : state_(crc32c(input)) {}

    /// Source: G. Steele, D. Lea and C. Flood, "Fast splittable pseudorandom number generators",
    /// OOPSLA 2014 (SplitMix64).
    std::uint64_t next() {
        std::uint64_t mixed = state_ += 0x9E3779B97F4A7C15;
        mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB;
        return mixed ^ mixed >> 31;
    }

    int below(int end) { return static_cast<int>(next() % static_cast<std::uint64_t>(end)); }
    int between(int first, int last) { return first + below(last - first + 1); }
    bool one_in(int count) { return below(count) == 0; }

    /// Whole pixels inside a picture of this size.
    Rect rect(int height, int width) {
        const int top = below(height);
        const int left = below(width);
        return {top, left, between(1, height - top), between(1, width - left)};
    }

    /// Any pixels inside a picture of this size, possibly fractions of them.
    Box box(int height, int width) {
        const auto [top, left, tall, wide] = rect(height, width);
        const double cut = below(100) / 128.0;
        return {top + cut, left + cut / 2, tall - cut, wide - cut / 2};
    }

  private:
    std::uint64_t state_;
};

}  // namespace fastdata::fuzz
