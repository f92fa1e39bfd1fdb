#pragma once

#include <cstdint>
#include <vector>

namespace fastdata::fuzz {

/// Small good files to start from: JPEGs of every usual sampling, with and without restart markers,
/// baseline and progressive, gray and colour, and PNGs of every kind.
std::vector<std::vector<std::uint8_t>> seeds();

}  // namespace fastdata::fuzz
