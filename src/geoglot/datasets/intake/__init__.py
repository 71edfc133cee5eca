"""Take in a folder of images and labels as people have them: find classes, divide by place, convert what must be."""
