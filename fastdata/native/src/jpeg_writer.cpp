#include "jpeg_writer.h"

#include <cstdlib>
#include <new>

namespace fastdata {

namespace {

/// An EXIF segment that says nothing but the orientation.
///
/// Source: TIFF 6.0, section 2; EXIF 2.32, 4.5.4 and 4.6.4 (tag 0x0112, a short).
void write_orientation(j_compress_ptr state, int orientation) {
    const JOCTET exif[] = {
        'E', 'x', 'i', 'f', 0,    0, 'M', 'M', 0, '*', 0, 0, 0,
        8,   0,   1,   1,   0x12, 0, 3,   0,   0, 0,   1, 0, static_cast<JOCTET>(orientation),
        0,   0,   0,   0,   0,    0};
    jpeg_write_marker(state, JPEG_APP0 + 1, exif, sizeof exif);
}

}  // namespace

JpegWriter::JpegWriter() {
    state_.err = jpeg_std_error(&errors_.base);
    errors_.base.error_exit = on_error;
    errors_.base.emit_message = [](j_common_ptr, int) {};
    if (setjmp(errors_.jump)) throw std::bad_alloc();
    jpeg_create_compress(&state_);
}

JpegWriter::~JpegWriter() {
    jpeg_destroy_compress(&state_);
    std::free(bytes_);
}

void JpegWriter::on_error(j_common_ptr state) {
    std::longjmp(reinterpret_cast<Errors*>(state->err)->jump, 1);
}

bool JpegWriter::run(jpeg_decompress_struct& source, jvirt_barray_ptr* coefficients,
                     int restart_interval, int orientation) {
    if (setjmp(errors_.jump)) return false;
    jpeg_mem_dest(&state_, &bytes_, &size_);
    jpeg_copy_critical_parameters(&source, &state_);
    state_.optimize_coding = TRUE;
    state_.restart_interval = static_cast<unsigned>(restart_interval);
    jpeg_write_coefficients(&state_, coefficients);
    if (orientation != 1) write_orientation(&state_, orientation);
    jpeg_finish_compress(&state_);
    return true;
}

bool JpegWriter::write(jpeg_decompress_struct& source, jvirt_barray_ptr* coefficients,
                       int restart_interval, int orientation, std::vector<std::uint8_t>& out) {
    const bool written = run(source, coefficients, restart_interval, orientation);
    if (written) out.assign(bytes_, bytes_ + size_);
    return written;
}

}  // namespace fastdata
