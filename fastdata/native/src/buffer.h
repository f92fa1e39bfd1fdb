#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace fastdata {

/// Memory that a thread uses again and again, so that its pages are there already.
class Buffer {
  public:
    /// `size` bytes of unknown content, valid until the next call.
    std::uint8_t* get(std::size_t size) {
        // After one huge image the thread must not keep its memory for good.
        const bool too_large = capacity_ > kKept && size < capacity_ / 4;
        if (size > capacity_ || too_large) {
            data_.reset();
            capacity_ = 0;
            data_.reset(new std::uint8_t[size]);
            capacity_ = size;
        }
        return data_.get();
    }

  private:
    /// An RGB picture of 2048 x 2048 and some, which is as large as usual training images get.
    static constexpr std::size_t kKept = 16u << 20;

    std::unique_ptr<std::uint8_t[]> data_;
    std::size_t capacity_ = 0;
};

}  // namespace fastdata
