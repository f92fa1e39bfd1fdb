#pragma once

#include <cstddef>
#include <cstdint>

#include "bytes.h"

namespace fastdata {

/// CRC32C (Castagnoli) of all bytes, by the machine's own instruction where it has one.
std::uint32_t crc32c(Bytes bytes);

/// The same by tables, which every machine can do.
std::uint32_t crc32c_portable(Bytes bytes);

/// "sse4.2" or "portable": what crc32c() uses here.
const char* crc32c_means();

/// What the compiler may use SSE 4.2 and PCLMULQDQ for; call it where both are there.
std::uint32_t crc32c_sse42(Bytes bytes);

}  // namespace fastdata
