#pragma once

#include <cstddef>
#include <cstdint>

namespace fastdata {

/// Bytes that somebody else owns, such as a record in a pack's memory map.
struct Bytes {
    const std::uint8_t* data = nullptr;
    std::size_t size = 0;
};

}  // namespace fastdata
