#include "jpeg_library.h"

#include <jerror.h>

#include <algorithm>
#include <string>

#include "errors.h"

namespace fastdata {
namespace {

const JOCTET kEndOfImage[2] = {0xFF, JPEG_EOI};

}  // namespace

JpegLibrary::JpegLibrary(Bytes file) {
    state_.err = jpeg_std_error(&errors_.base);
    errors_.base.error_exit = on_error;
    errors_.base.emit_message = on_message;
    errors_.text[0] = '\0';
    run([this] { jpeg_create_decompress(&state_); });
    source_.init_source = [](j_decompress_ptr) {};
    source_.fill_input_buffer = on_end;
    source_.skip_input_data = on_skip;
    source_.resync_to_restart = jpeg_resync_to_restart;
    source_.term_source = [](j_decompress_ptr) {};
    source_.next_input_byte = file.data;
    source_.bytes_in_buffer = file.size;
    state_.src = &source_;
}

JpegLibrary::~JpegLibrary() { jpeg_destroy_decompress(&state_); }

void JpegLibrary::on_error(j_common_ptr state) {
    auto* errors = reinterpret_cast<Errors*>(state->err);
    errors->base.format_message(state, errors->text);
    std::longjmp(errors->jump, 1);
}

void JpegLibrary::on_message(j_common_ptr state, int level) {
    // Warnings have level -1; all others are traces. Pixels after a warning are made up, and there
    // may be millions of warnings in one file: the first one ends it.
    if (level < 0) on_error(state);
}

boolean JpegLibrary::on_end(j_decompress_ptr state) {
    // The decoder reads ahead, so the end of the bytes may be reached by a file that lacks only its
    // end marker. It gets one; if pixels are missing, a warning follows from using it. Only where
    // there may be more scans, nothing else would tell.
    if (jpeg_has_multiple_scans(state)) ERREXIT(state, JERR_INPUT_EOF);
    state->src->next_input_byte = kEndOfImage;
    state->src->bytes_in_buffer = sizeof kEndOfImage;
    return TRUE;
}

void JpegLibrary::on_skip(j_decompress_ptr state, long count) {
    if (count <= 0) return;
    const auto skipped = std::min(state->src->bytes_in_buffer, static_cast<size_t>(count));
    state->src->next_input_byte += skipped;
    state->src->bytes_in_buffer -= skipped;
}

void JpegLibrary::check() const {
    if (failed_) {
        throw BadInput("the JPEG is damaged (" + std::string(errors_.text) +
                       "); replace the file or leave it out");
    }
}

}  // namespace fastdata
