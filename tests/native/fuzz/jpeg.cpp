#include <algorithm>
#include <optional>
#include <vector>

#include "coefficients.h"
#include "errors.h"
#include "image_decoder.h"
#include "jpeg_baseline.h"
#include "jpeg_crop.h"
#include "jpeg_decode.h"
#include "jpeg_header.h"
#include "jpeg_transcode.h"
#include "picture.h"
#include "targets.h"

namespace fastdata::fuzz {
namespace {

Rect scaled(Rect rect, int denominator) {
    const auto up = [&](int value) { return (value + denominator - 1) / denominator; };
    const int top = rect.top / denominator, left = rect.left / denominator;
    return {top, left, up(rect.top + rect.height) - top, up(rect.left + rect.width) - left};
}

/// By libjpeg; none where it refuses.
std::optional<Picture> by_library(Bytes file, int channels, Rect wanted, int denominator) {
    thread_local JpegDecoder decoder;
    try {
        return Picture(decoder.decode(file, channels, wanted, denominator),
                       scaled(wanted, denominator));
    } catch (const BadInput&) {
        return {};
    }
}

/// By the core's own decoder; none where it leaves the file to libjpeg.
std::optional<Picture> by_core(Bytes file, const JpegHeader& header, int channels, Rect wanted,
                               int denominator, bool portable) {
    thread_local JpegBaseline plain(portable_jpeg_kernels()), quick(best_jpeg_kernels());
    JpegBaseline& decoder = portable ? plain : quick;
    Pixels<std::uint8_t> pixels;
    if (!decoder.decode(file, header, channels, wanted, denominator, pixels)) return {};
    return Picture(pixels, scaled(wanted, denominator));
}

class JpegCheck {
  public:
    JpegCheck(Bytes file, const JpegHeader& header, Choices choices)
        : file_(file),
          header_(header),
          choices_(choices),
          all_{0, 0, header.height, header.width},
          channels_(choices_.one_in(3) ? 1 : 3),
          denominator_(1 << choices_.below(4)),
          whole_(by_library(file, channels_, all_, 1)),
          small_(by_library(file, channels_, all_, denominator_)) {}

    void run() {
        decode_whole();
        for (int i = 0; i < 3; ++i) decode_part(choices_.rect(header_.height, header_.width));
        for (int i = 0; i < 3; ++i) crop(choices_.rect(header_.height, header_.width));
        transcode();
    }

  private:
    void decode_whole() {
        const auto found = by_core(all_, 1);
        if (!found) return;
        expect(whole_.has_value(), "the core's decoder takes no JPEG that libjpeg refuses");
        expect(found->is_part_of(*whole_) || !has_usual_coefficients(file_),
               "both decoders make the same pixels");
    }

    void decode_part(Rect wanted) {
        for (const int denominator : {1, denominator_}) {
            const auto whole = by_core(all_, denominator);
            if (!whole) continue;
            const auto part = by_core(wanted, denominator);
            expect(part && part->is_part_of(*whole), "a part has the pixels of the whole");
        }
        const auto small = by_library(file_, channels_, wanted, denominator_);
        if (!small_) return;
        expect(small.has_value(), "a part of a good JPEG is good");
        expect(small->is_part_of(*small_), "a part has the pixels of the whole by libjpeg, too");
    }

    /// With any of the kernels: the pixels do not depend on them.
    std::optional<Picture> by_core(Rect wanted, int denominator) {
        return fuzz::by_core(file_, header_, channels_, wanted, denominator, choices_.one_in(2));
    }

    void crop(Rect wanted) {
        std::vector<std::uint8_t> out;
        Rect covered;
        if (!crop_jpeg(file_, header_, wanted, denominator_, out, covered)) return;
        const Rect inside{wanted.top - covered.top, wanted.left - covered.left, wanted.height,
                          wanted.width};
        auto found = by_library({out.data(), out.size()}, channels_, inside, denominator_);
        if (!small_) return;
        expect(found.has_value(), "a crop of a good JPEG is good");
        found->window.top += covered.top / denominator_;
        found->window.left += covered.left / denominator_;
        expect(found->is_part_of(*small_), "a crop has the pixels of the whole");
    }

    void transcode() {
        std::vector<std::uint8_t> out;
        try {
            if (!transcode_jpeg(file_, {}, choices_.between(1, 64), out)) return;
        } catch (const BadInput&) {
            return;
        }
        const auto found = by_library({out.data(), out.size()}, channels_, all_, 1);
        expect(found.has_value(), "a transcoded JPEG is good");
        if (whole_) expect(found->is_part_of(*whole_), "transcoding keeps the pixels");
    }

    Bytes file_;
    const JpegHeader& header_;
    Choices choices_;
    Rect all_;
    int channels_;
    int denominator_;
    std::optional<Picture> whole_;
    std::optional<Picture> small_;
};

}  // namespace

void check_jpeg(Bytes input, Choices choices) {
    JpegHeader header;
    try {
        header = parse_jpeg_header(input);
    } catch (const BadInput&) {
        return;
    }
    const std::int64_t pixels = std::int64_t{header.height} * header.width;
    if (pixels * header.scans > kMostPixels || header.channels == 4) return;
    JpegCheck(input, header, choices).run();
}

}  // namespace fastdata::fuzz
