#pragma once

// clang-format off: jpeglib.h uses FILE and size_t without including what declares them.
#include <cstdio>
#include <jpeglib.h>
// clang-format on

#include <csetjmp>
#include <cstdint>
#include <vector>

namespace fastdata {

/// One use of libjpeg's compressor, for coefficients that another JPEG holds.
class JpegWriter {
  public:
    JpegWriter();
    ~JpegWriter();
    JpegWriter(const JpegWriter&) = delete;
    JpegWriter& operator=(const JpegWriter&) = delete;

    /// Writes a file of one scan with optimised tables; to be called once.
    ///
    /// @param orientation  1..8; written as EXIF unless it is 1.
    /// @return False where libjpeg cannot write these coefficients so.
    bool write(jpeg_decompress_struct& source, jvirt_barray_ptr* coefficients, int restart_interval,
               int orientation, std::vector<std::uint8_t>& out);

  private:
    struct Errors {
        jpeg_error_mgr base;  // First, so that libjpeg's pointer to it is one to the whole.
        std::jmp_buf jump;
    };

    static void on_error(j_common_ptr state);
    bool run(jpeg_decompress_struct& source, jvirt_barray_ptr* coefficients, int restart_interval,
             int orientation);

    jpeg_compress_struct state_;
    Errors errors_;
    unsigned char* bytes_ = nullptr;  // libjpeg takes it from malloc and makes it larger.
    unsigned long size_ = 0;          // NOLINT: libjpeg's type.
};

}  // namespace fastdata
