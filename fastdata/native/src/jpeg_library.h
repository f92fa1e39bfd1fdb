#pragma once

// clang-format off: jpeglib.h uses FILE and size_t without including what declares them.
#include <cstdio>
#include <jpeglib.h>
// clang-format on

#include <csetjmp>

#include "bytes.h"

namespace fastdata {

/// One use of libjpeg's decompressor on one file.
///
/// Not kept from file to file: libjpeg would use an earlier file's tables for one that lacks its
/// own. Making one costs about a microsecond.
class JpegLibrary {
  public:
    explicit JpegLibrary(Bytes file);
    ~JpegLibrary();
    JpegLibrary(const JpegLibrary&) = delete;
    JpegLibrary& operator=(const JpegLibrary&) = delete;

    jpeg_decompress_struct& state() { return state_; }

    /// Runs `step`, which calls libjpeg and holds no objects with destructors: an error jumps out
    /// of it.
    ///
    /// @throws BadInput An error or a warning, in libjpeg's own words.
    template <class Step>
    void run(Step step) {
        if (setjmp(errors_.jump) == 0) {
            step();
        } else {
            failed_ = true;
        }
        check();
    }

  private:
    struct Errors {
        jpeg_error_mgr base;  // First, so that libjpeg's pointer to it is one to the whole.
        std::jmp_buf jump;
        char text[JMSG_LENGTH_MAX];
    };

    static void on_error(j_common_ptr state);
    static void on_message(j_common_ptr state, int level);
    static boolean on_end(j_decompress_ptr state);
    static void on_skip(j_decompress_ptr state, long count);
    void check() const;

    jpeg_decompress_struct state_;
    jpeg_source_mgr source_;
    Errors errors_;
    bool failed_ = false;
};

}  // namespace fastdata
