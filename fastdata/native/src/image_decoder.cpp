#include "image_decoder.h"

#include <cstring>
#include <string>

#include "errors.h"

namespace fastdata {
namespace {

bool starts_with(Bytes file, const char* magic, std::size_t size) {
    return file.size >= size && std::memcmp(file.data, magic, size) == 0;
}

std::string text(int height, int width) {
    return "(" + std::to_string(height) + ", " + std::to_string(width) + ")";
}

}  // namespace

void StoredImage::check_upright(int height_in_pack, int width_in_pack) const {
    const bool swaps = Turn::upright(orientation).transpose;
    const int upright_height = swaps ? width : height, upright_width = swaps ? height : width;
    if (upright_height == height_in_pack && upright_width == width_in_pack) return;
    throw Contradiction("decodes to " + text(upright_height, upright_width) + "; the pack says " +
                        text(height_in_pack, width_in_pack) + " (height, width)");
}

StoredImage ImageDecoder::open(Bytes file) {
    file_ = file;
    is_png_ = starts_with(file, "\x89PNG\r\n\x1A\n", 8);
    if (is_png_) {
        chunks_ = read_png_chunks(file);
        return {chunks_.height, chunks_.width, chunks_.orientation};
    }
    if (!starts_with(file, "\xFF\xD8\xFF", 3)) throw NotHere("neither a JPEG nor a PNG");
    header_ = parse_jpeg_header(file);
    if (header_.channels == 4) throw NotHere("a JPEG of four components");
    return {header_.height, header_.width, header_.orientation};
}

Pixels<std::uint8_t> ImageDecoder::pixels(int channels, Rect wanted, int max_denominator) {
    if (is_png_) return png_.pixels(chunks_, channels, wanted);
    Pixels<std::uint8_t> result;
    if (baseline_.decode(file_, header_, channels, wanted, max_denominator, result)) {
        return result;
    }
    return jpeg_.decode(file_, channels, wanted, max_denominator);
}

Ids ImageDecoder::ids(Rect wanted) {
    if (!is_png_) throw NotHere("a mask that is no PNG");
    return png_.ids(chunks_, wanted);
}

}  // namespace fastdata
