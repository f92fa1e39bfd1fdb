#pragma once

#include <cstddef>
#include <cstdint>

#include "buffer.h"
#include "bytes.h"
#include "jpeg_bits.h"

namespace fastdata {

/// The restart segments of a scan, found and unstuffed as they are needed. A scan without restart
/// markers is one segment.
class JpegSegments {
  public:
    /// @param scan The compressed data and all that follows.
    /// @param memory For one segment.
    JpegSegments(Bytes scan, Buffer& memory)
        : scan_(scan), clean_(memory.get(scan.size + JpegBits::kPadding)) {}

    /// Goes on to a later segment; false where there is none, or a marker has a wrong number.
    bool go_to(int index);
    /// The number of the segment gone to; -1 at first.
    int index() const { return index_; }
    /// The segment's bits, until the next `go_to`.
    JpegBits bits() const { return {clean_, clean_size_}; }

  private:
    void unstuff();

    Bytes scan_;
    std::size_t at_ = 0;  ///< The marker that ends the segment.
    int index_ = -1;
    std::uint8_t* clean_;
    std::size_t clean_size_ = 0;
};

}  // namespace fastdata
