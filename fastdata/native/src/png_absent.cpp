// Built instead of the other png_*.cpp where libdeflate's headers are missing: the Pillow twin then
// decodes PNGs, with the zlib that Pillow brings.

#include "errors.h"
#include "png_decode.h"

namespace fastdata {

std::string png_library() { return "PNG by Pillow"; }

Png read_png_chunks(Bytes) { throw NotHere("a PNG, and no libdeflate"); }

PngDecoder::PngDecoder() = default;
PngDecoder::~PngDecoder() = default;

void PngDecoder::Free::operator()(libdeflate_decompressor*) const {}

Pixels<std::uint8_t> PngDecoder::pixels(const Png&, int, Rect) { return {}; }

Ids PngDecoder::ids(const Png&, Rect) { return {}; }

}  // namespace fastdata
