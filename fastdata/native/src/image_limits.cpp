#include "image_limits.h"

#include <algorithm>
#include <string>

#include "errors.h"

namespace fastdata {

namespace {

std::string by(std::int64_t width, std::int64_t height) {
    return std::to_string(width) + " x " + std::to_string(height) + " pixels";
}

}  // namespace

void Limits::check_size(std::int64_t height, std::int64_t width) const {
    if (height < 1 || width < 1)
        throw BadInput("the header says " + by(width, height) + "; expected at least 1 x 1");
    if (std::max(height, width) > max_side || height * width > max_pixels)
        throw BadInput("the header says " + by(width, height) + "; the limit is " +
                       std::to_string(max_pixels) + " pixels and " + std::to_string(max_side) +
                       " a side; make it smaller, or decode it with other Limits");
}

void Limits::check_scans(std::int64_t scans, std::int64_t height, std::int64_t width) const {
    if (scans > max_scans || scans * height * width > max_scan_pixels)
        throw BadInput(std::to_string(scans) + " scans of " + by(width, height) +
                       "; the limit is " + std::to_string(max_scans) + " scans and " +
                       std::to_string(max_scan_pixels) +
                       " pixels over all; save it as baseline, or decode it with other Limits");
}

}  // namespace fastdata
