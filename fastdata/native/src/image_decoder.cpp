#include "image_decoder.h"

#include <cstring>

#include "errors.h"

namespace fastdata {
namespace {

bool starts_with(Bytes file, const char* magic, std::size_t size) {
    return file.size >= size && std::memcmp(file.data, magic, size) == 0;
}

}  // namespace

StoredImage ImageDecoder::open(Bytes file) {
    file_ = file;
    if (!starts_with(file, "\xFF\xD8\xFF", 3)) throw NotHere("no JPEG file");
    header_ = parse_jpeg_header(file);
    if (header_.channels == 4) throw NotHere("a JPEG of four components");
    return {header_.height, header_.width, header_.orientation};
}

Pixels<std::uint8_t> ImageDecoder::pixels(int channels, Rect wanted, int max_denominator) {
    Pixels<std::uint8_t> result;
    if (max_denominator == 1 && baseline_.decode(file_, header_, channels, wanted, result)) {
        return result;
    }
    return jpeg_.decode(file_, channels, wanted, max_denominator);
}

Ids ImageDecoder::ids(Rect) { throw NotHere("no PNG file"); }

}  // namespace fastdata
