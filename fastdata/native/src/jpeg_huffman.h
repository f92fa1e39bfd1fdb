#pragma once

#include <array>
#include <cstdint>

namespace fastdata {

/// One code of a JPEG and the number after it.
struct JpegCode {
    std::uint8_t total;   ///< Bits of code and number; 0 where there is no such code.
    std::uint8_t length;  ///< Bits of the code.
    std::uint8_t size;    ///< Bits of the number.
    std::uint8_t step;    ///< How far the number's place is from the last one's.
};

/// A Huffman table of a JPEG as its file has it: finds any code, bit by bit.
class JpegHuffman {
  public:
    /// A step longer than any block, for the code that ends one.
    static constexpr int kEnd = 128;

    /// @param counts How many codes there are of 1..16 bits.
    /// @param symbols Run and size of each code, in one byte.
    /// @param given Length of `symbols`.
    /// @return Whether there can be such codes.
    bool build(const std::uint8_t* counts, const std::uint8_t* symbols, int given);

    /// The code that `bits` start with.
    JpegCode search(std::uint64_t bits) const;

    /// Puts each code of up to `look` bits where all patterns are that start with it.
    void spread(int look, JpegCode* codes) const;

  private:
    std::array<std::uint8_t, 17> counts_;
    std::array<std::int32_t, 17> limits_;   ///< First 16-bit prefix beyond the codes of a length.
    std::array<std::int32_t, 17> offsets_;  ///< A symbol's index less its code, for each length.
    std::array<std::uint8_t, 256> symbols_;
};

/// Finds the codes of first coefficients by one look at the next bits.
class JpegDcCodes {
  public:
    bool build(const std::uint8_t* counts, const std::uint8_t* symbols, int given);

    JpegCode look(std::uint64_t bits) const { return codes_[bits >> (64 - kLook)]; }
    JpegCode search(std::uint64_t bits) const { return huffman_.search(bits); }

  private:
    static constexpr int kLook = 9;

    JpegHuffman huffman_;
    std::array<JpegCode, 1 << kLook> codes_;
};

/// Finds up to two codes, and the numbers after them, by one look at the next bits.
class JpegAcCodes {
  public:
    struct Entry {
        /// The numbers; twice the same where there is one.
        std::int16_t values[2];
        std::uint8_t steps[2];  ///< The second is 0 where there is one.
        std::uint8_t first;     ///< Bits of the first code and number.
        std::uint8_t total;     ///< Bits of all; 0 where the first number did not fit.
    };

    bool build(const std::uint8_t* counts, const std::uint8_t* symbols, int given);

    Entry look(std::uint64_t bits) const { return entries_[bits >> (64 - kLook)]; }
    JpegCode look_one(std::uint64_t bits) const { return codes_[bits >> (64 - kLook)]; }
    JpegCode search(std::uint64_t bits) const { return huffman_.search(bits); }

  private:
    /// Measured on photos: 9 bits find two codes too seldom, 11 and 12 take longer to prepare.
    static constexpr int kLook = 10;

    Entry entry_of(std::uint32_t pattern) const;

    JpegHuffman huffman_;
    std::array<JpegCode, 1 << kLook> codes_;
    std::array<Entry, 1 << kLook> entries_;
};

/// The number of `code`, which `bits` start with; without branches, which nobody can predict.
///
/// Source: ITU-T T.81, F.2.2.1 (EXTEND).
inline int jpeg_number(std::uint64_t bits, JpegCode code) {
    const std::uint64_t rest = bits << code.length;
    const int value = static_cast<int>(rest >> 1 >> (63 - code.size));
    const int is_positive = static_cast<int>(static_cast<std::int64_t>(rest) >> 63);
    return value + (~is_positive & (1 - (1 << code.size)));
}

}  // namespace fastdata
