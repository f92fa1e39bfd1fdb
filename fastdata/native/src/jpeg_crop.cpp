#include "jpeg_crop.h"

#include <algorithm>
#include <numeric>

#include "jpeg_markers.h"
#include "jpeg_reach.h"

namespace fastdata {

namespace {

constexpr int kBlock = 8;

int divided_up(int value, int by) { return (value + by - 1) / by; }

/// How restart segments tile the picture: a grid of equal tiles, of one or more segments each.
struct Tiling {
    int tile_height = 0;  ///< In pixels; the last row and column of tiles may be cut off.
    int tile_width = 0;
    int rows = 0;
    int columns = 0;
    int row_segments = 0;  ///< Segments in a row of tiles; the last row may have fewer.
    int segments = 0;      ///< In the whole picture.

    bool has_columns() const { return columns > 1; }
};

bool is_croppable(Bytes data, const JpegHeader& header) {
    const JpegSegment& scan = header.scan;
    if (header.has_many_scans() || header.scan_channels != header.channels) return false;
    if (!header.restart_interval || scan.end >= data.size) return false;
    const std::size_t expected = 8 + 2 * static_cast<std::size_t>(header.channels);
    if (scan.end - scan.start != expected) return false;
    for (int i = 0; i < header.channels; ++i) {
        const JpegComponent& part = header.components[i];
        if (std::min(part.horizontal, part.vertical) < 1) return false;
        if (std::max(part.horizontal, part.vertical) > 4) return false;
    }
    return true;
}

Tiling tiling_of(const JpegHeader& header) {
    int unit_width = kBlock, unit_height = kBlock;
    // A scan of one component has one block a unit, whatever its sampling factors.
    for (int i = 0; header.channels > 1 && i < header.channels; ++i) {
        unit_width = std::max(unit_width, kBlock * header.components[i].horizontal);
        unit_height = std::max(unit_height, kBlock * header.components[i].vertical);
    }
    const int across = divided_up(header.width, unit_width);
    const int down = divided_up(header.height, unit_height);
    const int interval = header.restart_interval;
    Tiling tiling;
    tiling.segments = divided_up(across * down, interval);
    if (across % interval == 0) {
        tiling.columns = tiling.row_segments = across / interval;
        tiling.tile_width = interval * unit_width;
        tiling.tile_height = unit_height;
        tiling.rows = down;
    } else {
        const int rows =
            interval / std::gcd(interval, across);  // Unit rows until both end at once.
        tiling.columns = 1;
        tiling.row_segments = across / std::gcd(interval, across);
        tiling.tile_width = header.width;
        tiling.tile_height = std::min(rows, down) * unit_height;
        tiling.rows = divided_up(down, rows);
    }
    return tiling;
}

/// The rows and columns of tiles that the wanted pixels need.
struct Tiles {
    Span rows;
    Span columns;
};

int segments_in(const Tiles& tiles, const Tiling& tiling) {
    if (tiling.has_columns())
        return (tiles.rows.end - tiles.rows.begin) * (tiles.columns.end - tiles.columns.begin);
    return std::min(tiles.rows.end * tiling.row_segments, tiling.segments) -
           tiles.rows.begin * tiling.row_segments;
}

Tiles needed_tiles(const JpegHeader& header, const Tiling& tiling, const Rect& wanted,
                   int denominator) {
    const JpegReach reach(header, denominator);
    const Span y = reach.rows({wanted.top, wanted.top + wanted.height}, header.height);
    const Span x = reach.columns({wanted.left, wanted.left + wanted.width}, header.width);
    Tiles tiles{{y.begin / tiling.tile_height, divided_up(y.end, tiling.tile_height)},
                {x.begin / tiling.tile_width, divided_up(x.end, tiling.tile_width)}};
    const auto width = [&] {
        return std::min(tiles.columns.end * tiling.tile_width, header.width) -
               tiles.columns.begin * tiling.tile_width;
    };
    while (!reach.same_rule(width(), header.width)) {
        if (tiles.columns.begin > 0)
            --tiles.columns.begin;
        else
            ++tiles.columns.end;
    }
    return tiles;
}

void append(std::vector<std::uint8_t>& out, Bytes data, std::size_t start, std::size_t end) {
    out.insert(out.end(), data.data + start, data.data + end);
}

void append_header(std::vector<std::uint8_t>& out, Bytes data, const JpegHeader& header, int height,
                   int width, int interval) {
    out.assign({0xFF, 0xD8});
    for (const JpegSegment& part : header.segments) {
        append(out, data, part.start, part.end);
        if (part.marker != header.frame) continue;
        std::uint8_t* size = out.data() + out.size() - (part.end - part.start) + 5;
        size[0] = static_cast<std::uint8_t>(height >> 8);
        size[1] = static_cast<std::uint8_t>(height);
        size[2] = static_cast<std::uint8_t>(width >> 8);
        size[3] = static_cast<std::uint8_t>(width);
    }
    if (interval)
        out.insert(out.end(), {0xFF, 0xDD, 0, 4, static_cast<std::uint8_t>(interval >> 8),
                               static_cast<std::uint8_t>(interval)});
    append(out, data, header.scan.start, header.scan.end);
}

/// Copies the segments of the tiles; false where the markers are not those that the header calls
/// for.
bool append_segments(std::vector<std::uint8_t>& out, Bytes data, std::size_t at,
                     const Tiling& tiling, const Tiles& tiles) {
    const int first = tiles.rows.begin * tiling.row_segments;
    const int last = std::min(tiles.rows.end * tiling.row_segments, tiling.segments);
    at = skip_restarts(data, at, 0, first);
    int copied = 0;
    for (int number = first; number < last; ++number) {
        const std::size_t end = find_marker(data, at);
        if (end == data.size) return false;
        const bool is_last = number == tiling.segments - 1;
        if (data.data[end + 1] != (is_last ? 0xD9 : 0xD0 + number % 8)) return false;
        const int column = tiling.has_columns() ? number % tiling.row_segments : 0;
        if (column >= tiles.columns.begin && column < tiles.columns.end) {
            append(out, data, at, end);
            out.insert(out.end(), {0xFF, static_cast<std::uint8_t>(0xD0 + copied++ % 8)});
        }
        at = end + 2;
    }
    out.back() = 0xD9;
    return true;
}

}  // namespace

bool crop_jpeg(Bytes data, const JpegHeader& header, Rect wanted, int denominator,
               std::vector<std::uint8_t>& out, Rect& covered) {
    if (!is_croppable(data, header)) return false;
    const Tiling tiling = tiling_of(header);
    const Tiles tiles = needed_tiles(header, tiling, wanted, denominator);
    covered.top = tiles.rows.begin * tiling.tile_height;
    covered.left = tiles.columns.begin * tiling.tile_width;
    covered.height = std::min(tiles.rows.end * tiling.tile_height, header.height) - covered.top;
    covered.width = std::min(tiles.columns.end * tiling.tile_width, header.width) - covered.left;
    if (covered.height == header.height && covered.width == header.width) return false;
    // libjpeg decodes quicker where it need not look out for restarts.
    const int interval = segments_in(tiles, tiling) > 1 ? header.restart_interval : 0;
    append_header(out, data, header, covered.height, covered.width, interval);
    return append_segments(out, data, header.scan.end, tiling, tiles);
}

void strip_jpeg(Bytes data, const JpegHeader& header, std::vector<std::uint8_t>& out) {
    append_header(out, data, header, header.height, header.width, header.restart_interval);
    append(out, data, header.scan.end, data.size);
}

}  // namespace fastdata
