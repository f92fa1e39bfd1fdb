#pragma once

#include "jpeg_header.h"

namespace fastdata {

/// Half-open range.
struct Span {
    int begin = 0;
    int end = 0;
};

/// How libjpeg's upsampling makes a pixel depend on its neighbours, for one way of decoding.
///
/// Source: "triangle filter" in libjpeg-turbo's jdsample.c, and jdmaster.c for the sizes of the
/// components of a picture that is decoded smaller.
class JpegReach {
  public:
    /// @param denominator  1, 2, 4 or 8.
    JpegReach(const JpegHeader& header, int denominator);

    /// The stored columns (or rows) that the wanted ones depend on, of `size` there are.
    Span columns(Span wanted, int size) const { return widened(wanted, size, columns_reach_); }
    Span rows(Span wanted, int size) const { return widened(wanted, size, rows_reach_); }

    /// Whether a picture so narrow is upsampled by the same rule as one that is `width` wide.
    bool same_rule(int narrow, int width) const;

  private:
    Span widened(Span wanted, int size, bool reaches) const;

    int denominator_;
    bool columns_reach_ = false;
    bool rows_reach_ = false;
    /// Stored pixels a sample of the components that are smoothed along rows; 0 for none.
    int sample_width_ = 0;
};

}  // namespace fastdata
