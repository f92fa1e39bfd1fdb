#include "jpeg_markers.h"

#include <cstring>

namespace fastdata {

namespace {

bool is_marker(const std::uint8_t* bytes) {
    return bytes[0] == 0xFF && bytes[1] != 0 && bytes[1] != 0xFF;
}

}  // namespace

std::size_t find_marker(Bytes data, std::size_t at, bool quick) {
    if (quick) at = avx2::find_marker(data, at);
    while (at + 1 < data.size) {
        if (is_marker(data.data + at)) return at;
        const void* found = std::memchr(data.data + at + 1, 0xFF, data.size - 1 - at);
        if (!found) break;
        at = static_cast<std::size_t>(static_cast<const std::uint8_t*>(found) - data.data);
    }
    return data.size;
}

std::size_t find_scan_end(Bytes data, std::size_t at) {
    at = find_marker(data, at);
    while (at < data.size && is_restart_marker(data.data[at + 1])) at = find_marker(data, at + 2);
    return at;
}

std::size_t skip_restarts(Bytes data, std::size_t at, int first, int count, bool quick) {
    const int end = first + count;
    if (quick) avx2::skip_restarts(data, at, first, end);
    for (; first < end; ++first) {
        at = find_marker(data, at, quick);
        if (at == data.size || data.data[at + 1] != 0xD0 + first % 8) return data.size;
        at += 2;
    }
    return at;
}

}  // namespace fastdata
