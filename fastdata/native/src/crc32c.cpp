#include "crc32c.h"

#include <array>

#include "processor.h"

namespace fastdata {
namespace {

constexpr std::uint32_t polynomial = 0x82F63B78;  // Bits reversed: the lowest is x^31.

using Tables = std::array<std::array<std::uint32_t, 256>, 8>;

/// tables[k][b] is the effect of byte b on a CRC that k zero bytes follow.
constexpr Tables make_tables() {
    Tables tables{};
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
        std::uint32_t crc = byte;
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) ? polynomial : 0);
        tables[0][byte] = crc;
    }
    for (std::size_t zeros = 1; zeros < tables.size(); ++zeros) {
        for (std::size_t byte = 0; byte < 256; ++byte) {
            const std::uint32_t crc = tables[zeros - 1][byte];
            tables[zeros][byte] = (crc >> 8) ^ tables[0][crc & 0xFF];
        }
    }
    return tables;
}

constexpr Tables tables = make_tables();

using Crc = std::uint32_t (*)(Bytes);

Crc fastest() {
#if defined(__x86_64__)
    if (has_sse42()) return crc32c_sse42;
#endif
    return crc32c_portable;
}

const Crc chosen = fastest();

}  // namespace

std::uint32_t crc32c(Bytes bytes) { return chosen(bytes); }

const char* crc32c_means() { return chosen == crc32c_portable ? "portable" : "sse4.2"; }

std::uint32_t crc32c_portable(Bytes bytes) {
    const std::uint8_t* at = bytes.data;
    std::uint32_t crc = ~0U;
    std::size_t left = bytes.size;
    for (; left >= 8; left -= 8, at += 8) {
        // Byte by byte, so that the order of bytes in a word does not matter.
        const std::uint32_t low =
            crc ^ (at[0] | at[1] << 8 | at[2] << 16 | std::uint32_t{at[3]} << 24);
        crc = tables[7][low & 0xFF] ^ tables[6][low >> 8 & 0xFF] ^ tables[5][low >> 16 & 0xFF] ^
              tables[4][low >> 24] ^ tables[3][at[4]] ^ tables[2][at[5]] ^ tables[1][at[6]] ^
              tables[0][at[7]];
    }
    for (; left > 0; --left) crc = (crc >> 8) ^ tables[0][(crc ^ *at++) & 0xFF];
    return ~crc;
}

}  // namespace fastdata
