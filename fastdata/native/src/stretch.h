#pragma once

namespace fastdata {

/// How one axis of a picture is stretched or shrunk, as Pillow's `resize(box=...)` sees it.
///
/// Source: Pillow, src/libImaging/Resample.c (`precompute_coeffs`), bilinear filter.
class Stretch {
  public:
    /// @param start, length  The box on this axis, in pixels of the stored picture.
    /// @param count          Pixels of the result, at least 1.
    /// @param size           Pixels of the picture in memory, which the filter is cut off at.
    /// @param denominator    By which the picture in memory is smaller than the stored one.
    Stretch(double start, double length, int count, int size, int denominator = 1);

    int count() const { return count_; }
    int size() const { return size_; }
    /// Source pixels a result pixel.
    double scale() const { return scale_; }
    /// Where the box starts, and where the middle of result pixel `i` lies.
    double start() const { return start_; }
    double centre(int i) const { return start_ + (i + 0.5) * scale_; }
    /// How far from its centre a result pixel depends on source pixels.
    double support() const { return scale_ < 1 ? 1 : scale_; }
    /// Whether every result pixel is one source pixel, whose position is then start() + i.
    bool copies() const { return scale_ == 1 && start_ == static_cast<int>(start_); }
    /// The source pixels that result pixel `i` depends on: from `first` up to, not including,
    /// `end`.
    int first(int i) const;
    int end(int i) const;

    bool operator==(const Stretch& other) const {
        return start_ == other.start_ && scale_ == other.scale_ && count_ == other.count_ &&
               size_ == other.size_;
    }

  private:
    double start_;
    double scale_;
    int count_;
    int size_;
};

}  // namespace fastdata
