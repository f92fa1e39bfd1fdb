#include "crc32c.h"

#if defined(__x86_64__)

#include <nmmintrin.h>
#include <wmmintrin.h>

#include <cstring>

namespace fastdata {
namespace {

// The instruction takes a word in every cycle but gives its result after three: three stretches are
// computed side by side and joined. Stretches of 168 words are long enough to hide the joining.
constexpr std::size_t line_bytes = 64;
constexpr std::size_t stretch_bytes = 21 * line_bytes;
constexpr std::size_t round_bytes = 3 * stretch_bytes;

/// x^bits modulo the polynomial, bits of the result reversed as CRC32C has them.
constexpr std::uint32_t power_of_x(std::size_t bits) {
    std::uint32_t value = 0x80000000;
    for (std::size_t i = 0; i < bits; ++i) {
        value = (value >> 1) ^ ((value & 1) ? 0x82F63B78 : 0);
    }
    return value;
}

// Multiplying two reversed 32-bit polynomials gives their product times x in 64 bits, and reducing
// 64 bits by the instruction multiplies by x^32: 33 powers too many, taken off beforehand.
constexpr std::uint32_t over_one = power_of_x(stretch_bytes * 8 - 33);
constexpr std::uint32_t over_two = power_of_x(2 * stretch_bytes * 8 - 33);

std::uint64_t word(const std::uint8_t* at) {
    std::uint64_t value;
    std::memcpy(&value, at, sizeof value);
    return value;
}

/// The CRC moved over as many zero bytes as `factor` stands for.
std::uint64_t moved(std::uint64_t crc, std::uint32_t factor) {
    const __m128i product = _mm_clmulepi64_si128(_mm_cvtsi64_si128(static_cast<long long>(crc)),
                                                 _mm_cvtsi32_si128(static_cast<int>(factor)), 0);
    return _mm_crc32_u64(0, static_cast<std::uint64_t>(_mm_cvtsi128_si64(product)));
}

/// The CRCs of three stretches side by side.
struct Three {
    std::uint64_t first, second = 0, third = 0;

    /// Goes on with one cache line of each stretch.
    void add_lines(const std::uint8_t* at) {
        for (std::size_t i = 0; i < line_bytes; i += 8) {
            first = _mm_crc32_u64(first, word(at + i));
            second = _mm_crc32_u64(second, word(at + stretch_bytes + i));
            third = _mm_crc32_u64(third, word(at + 2 * stretch_bytes + i));
        }
    }

    std::uint64_t joined() const {
        return moved(first, over_two) ^ moved(second, over_one) ^ third;
    }
};

/// Asks for the line that the next round begins each stretch with. Hardware does not see three
/// streams that are this short: random blocks of 64 KB went from 5.2 to 8.9 GB/s by it.
void prefetch_round(const std::uint8_t* at) {
    for (std::size_t k = 0; k < 3; ++k) {
        _mm_prefetch(reinterpret_cast<const char*>(at + round_bytes + k * stretch_bytes),
                     _MM_HINT_T0);
    }
}

}  // namespace

std::uint32_t crc32c_sse42(Bytes bytes) {
    const std::uint8_t* at = bytes.data;
    std::size_t left = bytes.size;
    std::uint64_t crc = 0xFFFFFFFF;
    for (; left >= round_bytes; left -= round_bytes, at += round_bytes) {
        Three three{crc};
        for (std::size_t i = 0; i < stretch_bytes; i += line_bytes) {
            prefetch_round(at + i);
            three.add_lines(at + i);
        }
        crc = three.joined();
    }
    for (; left >= 8; left -= 8, at += 8) crc = _mm_crc32_u64(crc, word(at));
    for (; left > 0; --left) crc = _mm_crc32_u8(static_cast<std::uint32_t>(crc), *at++);
    return ~static_cast<std::uint32_t>(crc);
}

}  // namespace fastdata

#endif
