#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace fastdata {

/// The bits of one restart segment, most significant first.
class JpegBits {
  public:
    /// Bytes that must be readable, and zero, after a segment's.
    static constexpr std::size_t kPadding = 8;

    JpegBits() = default;
    /// @param data The segment without the zeros that are stuffed in after 0xFF.
    JpegBits(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}

    /// The next bits, from the top; at least 56 of them after `fill`. After the last come zeros.
    std::uint64_t next() const { return bits_; }

    void fill() {
        std::uint64_t more;
        std::memcpy(&more, data_ + std::min(at_, size_), 8);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
        more = __builtin_bswap64(more);
#endif
        // Bits beyond `count_` may be there already: the same ones.
        bits_ |= more >> count_;
        at_ += static_cast<std::size_t>((63 - count_) >> 3);
        count_ |= 56;
    }

    void drop(int used) {
        bits_ <<= used;
        count_ -= used;
    }

    /// Bits that are left; negative where more were used than there are.
    std::int64_t left() const {
        return 8 * (static_cast<std::int64_t>(size_) - static_cast<std::int64_t>(at_)) + count_;
    }

  private:
    std::uint64_t bits_ = 0;
    int count_ = 0;
    std::size_t at_ = 0;  ///< Goes on beyond `size_`.
    const std::uint8_t* data_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace fastdata
