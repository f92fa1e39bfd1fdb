#include "jpeg_segments.h"

#include <cstring>

#include "jpeg_markers.h"

namespace fastdata {

bool JpegSegments::go_to(int index) {
    // The markers in between are those after each segment from the present one on.
    const int passed = index_ < 0 ? 0 : index_;
    at_ = skip_restarts(scan_, at_, passed, index - passed);
    index_ = index;
    if (at_ == scan_.size) return false;
    unstuff();
    return true;
}

void JpegSegments::unstuff() {
    clean_size_ = 0;
    for (bool stuffed = true; stuffed;) {
        const std::uint8_t* start = scan_.data + at_;
        const std::size_t left = scan_.size - at_;
        const auto* found = static_cast<const std::uint8_t*>(std::memchr(start, 0xFF, left));
        std::size_t size = found ? static_cast<std::size_t>(found - start) : left;
        stuffed = size + 1 < left && start[size + 1] == 0;
        size += stuffed;
        std::memcpy(clean_ + clean_size_, start, size);
        clean_size_ += size;
        at_ += size + stuffed;
    }
    std::memset(clean_ + clean_size_, 0, JpegBits::kPadding);
}

}  // namespace fastdata
