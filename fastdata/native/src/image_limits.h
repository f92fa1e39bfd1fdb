#pragma once

#include <cstdint>

namespace fastdata {

/// How much of an image is believed before memory for its pixels is taken;
/// `fastdata.codecs.Limits` says why each default is as it is.
struct Limits {
    std::int64_t max_pixels = 89'478'485;
    int max_side = 65'500;
    int max_scans = 100;
    std::int64_t max_scan_pixels = 500'000'000;

    /// Throws BadInput for an image that is empty or too large.
    void check_size(std::int64_t height, std::int64_t width) const;
    /// Throws BadInput for a JPEG whose scans cost too much time.
    void check_scans(std::int64_t scans, std::int64_t height, std::int64_t width) const;
};

}  // namespace fastdata
