#pragma once

#include <cstddef>

#include "bytes.h"

namespace fastdata {

inline bool is_restart_marker(int marker) { return marker >= 0xD0 && marker <= 0xD7; }

/// Where the next marker starts at or after byte `at`: a 0xFF before a byte that is neither 0 (a
/// stuffed data byte) nor 0xFF (filling). `data.size` if there is none.
std::size_t find_marker(Bytes data, std::size_t at);

/// Where the next marker starts that is no restart marker, so that a scan ends there.
std::size_t find_scan_end(Bytes data, std::size_t at);

/// Used by `find_marker` where the machine has AVX2: looks through whole blocks of 32 bytes.
/// Returns the marker, or the first byte that it has not looked at.
std::size_t find_marker_avx2(Bytes data, std::size_t at);

}  // namespace fastdata
